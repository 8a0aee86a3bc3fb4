import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus as Status } from "../gen/health/v1/health_pb.js";
import type { Readiness } from "./readiness.js";

const WATCH_INTERVAL_MS = 1_000;

/** grpc.health.v1: one answer for the whole server ("") and for each service by name. */
export function healthService(readiness: Readiness, serviceNames: readonly string[]): ServiceImpl<typeof Health> {
  const isKnown = (name: string) => name === "" || serviceNames.includes(name);
  const current = async () => ((await readiness.problem()) === undefined ? Status.SERVING : Status.NOT_SERVING);
  return {
    async check({ service }) {
      if (!isKnown(service)) throw new ConnectError(`no service ${service} here`, Code.NotFound);
      return { status: await current() };
    },
    async list() {
      const status = await current();
      return { statuses: Object.fromEntries(["", ...serviceNames].map((name) => [name, { status }])) };
    },
    async *watch({ service }, { signal }) {
      let last: Status | undefined;
      while (!signal.aborted) {
        const status = isKnown(service) ? await current() : Status.SERVICE_UNKNOWN;
        if (status !== last) yield { status };
        last = status;
        // A watcher that was told so has nothing more to learn, and would hold up the shutdown.
        if (readiness.isDraining && status !== Status.SERVING) return;
        await sleep(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => {});
      }
    },
  };
}
