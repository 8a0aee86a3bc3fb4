import type { DescMethod } from "@bufbuild/protobuf";
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";

/** The metrics of one process at one moment. It crosses a process boundary. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

/** What the service counts and times, in Prometheus' terms. Names end in their unit. */
export class Metrics {
  private readonly registry = new Registry();

  private readonly calls = new Histogram({
    name: "tollgate_call_duration_seconds",
    help: "Time from a call's arrival at the interceptors to its answer, by method and code.",
    labelNames: ["method", "code"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [this.registry],
  });

  private readonly batches = new Histogram({
    name: "tollgate_batch_commands",
    help: "Commands in a committed batch of the ledger writer.",
    buckets: [1, 4, 16, 64, 128, 256, 512],
    registers: [this.registry],
  });

  private readonly commits = new Histogram({
    name: "tollgate_batch_duration_seconds",
    help: "Time from loading a batch to its commit, further attempts included.",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [this.registry],
  });

  private readonly retries = new Counter({
    name: "tollgate_batch_retries_total",
    help: "Batches tried again, by what happened to them.",
    labelNames: ["kind"],
    registers: [this.registry],
  });

  /** Refused since they were last asked for, by method: in a crowd that happens so often that a look-up in the counter each time would be half of what a refusal costs. */
  private readonly newlyRefused = new Map<DescMethod, number>();

  private readonly webhooks = new Counter({
    name: "tollgate_webhooks_total",
    help: "Webhooks answered, by what they did.",
    labelNames: ["result"],
    registers: [this.registry],
  });

  /**
   * @param waitingCommands how many commands wait for a batch at the moment
   * @param worker set on every series as its label `worker`, where several processes are scraped as one
   */
  constructor(waitingCommands: () => number, worker?: string) {
    if (worker !== undefined) this.registry.setDefaultLabels({ worker });
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: "tollgate_waiting_commands",
      help: "Commands that wait for a batch of the ledger writer.",
      registers: [this.registry],
      collect() {
        this.set(waitingCommands());
      },
    });
    const { newlyRefused } = this;
    new Counter({
      name: "tollgate_overloaded_calls_total",
      help: "Calls refused as OVERLOADED before anything was done for them, by method. They aren't among those timed.",
      labelNames: ["method"],
      registers: [this.registry],
      collect() {
        for (const [{ parent, name }, count] of newlyRefused) this.inc({ method: `${parent.typeName}/${name}` }, count);
        newlyRefused.clear();
      },
    });
  }

  callDone(method: string, code: string, elapsedMs: number): void {
    this.calls.observe({ method, code }, elapsedMs / 1_000);
  }

  callOverloaded(method: DescMethod): void {
    this.newlyRefused.set(method, (this.newlyRefused.get(method) ?? 0) + 1);
  }

  batchDone({ commands, elapsedMs }: { readonly commands: number; readonly elapsedMs: number }): void {
    this.batches.observe(commands);
    this.commits.observe(elapsedMs / 1_000);
  }

  batchRetried(kind: string): void {
    this.retries.inc({ kind });
  }

  webhookDone(result: string): void {
    this.webhooks.inc({ result });
  }

  /** Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  snapshot(): Promise<MetricsSnapshot> {
    return this.registry.getMetricsAsJSON();
  }

  get contentType(): string {
    return this.registry.contentType;
  }
}

/**
 * Prometheus' text format for several processes. Their labels keep their series apart: a sum over processes would fall when one starts again at zero, and Prometheus takes a fall for a restart of the
 * whole.
 */
export function mergedText(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}
