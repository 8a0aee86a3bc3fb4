import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { CostMeter } from "./costs/cost-meter.js";
import type { RunReport } from "./figures.js";
import { failuresOf, type LoadResult } from "./load.js";
import type { LoadClient } from "./load-client.js";
import { callsIn, type OpenLoad, type OpenLoadResult } from "./open-load.js";

/** Calls in flight where a workload doesn't say otherwise. */
export const IN_FLIGHT = 256;

/** Connections for each process of the service. */
export const CONNECTIONS_PER_PROCESS = 4;

/** Makes typed calls of a service through the load generator. */
export class Caller {
  constructor(
    private readonly client: LoadClient,
    /** "127.0.0.1:50051" */
    readonly target: string,
    /** A connection stays with the process that got it, so there have to be several for each. */
    private readonly connections = CONNECTIONS_PER_PROCESS,
    /** Reads off what the calls that are measured cost. */
    private readonly meter?: CostMeter,
  ) {}

  /** Makes a call for each request and reports on them, answers unread. */
  async measure<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    requests: readonly MessageInitShape<Input>[],
    inFlight = IN_FLIGHT,
    connections = this.connections,
  ): Promise<RunReport> {
    return (await this.metered(() => this.run(method, requests, inFlight, false, connections))).report;
  }

  /** The same, with the decoded answers, in the order of the requests; undefined where a call failed. */
  async measureAndRead<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    requests: readonly MessageInitShape<Input>[],
    inFlight = IN_FLIGHT,
  ): Promise<{ report: RunReport; answers: (MessageShape<Output> | undefined)[] }> {
    const { report, answers } = await this.metered(() => this.run(method, requests, inFlight, true, this.connections));
    return { report, answers: answers.map((bytes) => decoded(method, bytes)) };
  }

  /**
   * Makes calls that prepare a measurement.
   * @throws Error if one of them fails
   */
  async require<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    requests: readonly MessageInitShape<Input>[],
  ): Promise<MessageShape<Output>[]> {
    const { report, answers } = await this.run(method, requests, IN_FLIGHT, true, this.connections);
    if (failuresOf(report) > 0) {
      throw new Error(`${method.name} failed: ${JSON.stringify(report.errors)}, ${report.dropped} dropped`);
    }
    return answers.map((bytes) => decoded(method, bytes) as MessageShape<Output>);
  }

  /**
   * Makes calls at a pace of their own, for each phase in turn as many as it calls for.
   * @param requestOf request of call number `index`, counted through all phases
   */
  async measureOpen<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    requestOf: (index: number) => MessageInitShape<Input>,
    load: Pick<OpenLoad, "phases" | "deadlineMs" | "mostInFlight" | "connections">,
  ): Promise<OpenLoadResult> {
    const calls = load.phases.reduce((sum, phase) => sum + callsIn(phase), 0);
    return this.client.runOpen({
      ...load,
      target: this.target,
      path: pathOf(method),
      messages: Array.from({ length: calls }, (_, index) =>
        toBinary(method.input, create(method.input, requestOf(index))),
      ),
    });
  }

  /** Makes calls of another server, whatever it serves, with empty messages. */
  async measureEmpty(target: string, path: string, calls: number): Promise<RunReport> {
    const messages = new Array<Uint8Array>(calls).fill(new Uint8Array());
    return (await this.client.run({ target, path, messages, inFlight: IN_FLIGHT, keepsAnswers: false })).report;
  }

  /** Makes a load and adds what its calls have cost to its report. */
  private async metered(load: () => Promise<LoadResult>): Promise<LoadResult & { readonly report: RunReport }> {
    const before = await this.meter?.begin();
    const result = await load();
    if (!before || !this.meter || result.report.answered === 0) return result;
    return { ...result, report: { ...result.report, ...(await this.meter.since(before, result.report.answered)) } };
  }

  private run<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    requests: readonly MessageInitShape<Input>[],
    inFlight: number,
    keepsAnswers: boolean,
    connections: number,
  ) {
    return this.client.run({
      target: this.target,
      path: pathOf(method),
      messages: requests.map((request) => toBinary(method.input, create(method.input, request))),
      inFlight,
      connections,
      keepsAnswers,
    });
  }
}

function decoded<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethodUnary<Input, Output>,
  bytes: Uint8Array | undefined,
): MessageShape<Output> | undefined {
  return bytes && fromBinary(method.output, bytes);
}

function pathOf(method: DescMethodUnary): string {
  return `/${method.parent.typeName}/${method.name}`;
}
