import { TEST_SECRET } from "./app.js";
import { startTollgate, type TollgateProcess } from "./processes.js";

/** `tollgate serve --workers N` of the built project, on free ports. */
export interface ServingWorkers {
  readonly process: TollgateProcess;
  readonly grpcAddress: string;
  readonly httpUrl: string;
  /** Process ids of the workers, in the order they were started, those that have ended too. */
  startedPids(): number[];
  /** /metrics, through whichever worker answers. */
  metrics(): Promise<string>;
  /** Names of the workers that have answered calls of a method, by what /metrics says. */
  workersThatServed(method: string): Promise<string[]>;
}

export async function startWorkers(databaseUrl: string, ...flags: string[]): Promise<ServingWorkers> {
  const process = launchWorkers(databaseUrl, flags);
  const [, grpcAddress = "", httpUrl = ""] = await process.says(/gRPC on (\S+), HTTP on (\S+) /);
  const metrics = async () => (await fetch(`${httpUrl}/metrics`)).text();
  return {
    process,
    grpcAddress,
    httpUrl,
    startedPids: () =>
      [...process.said().matchAll(/"pid":(\d+),"msg":"a worker starts"/g)].map(([, pid]) => Number(pid)),
    metrics,
    async workersThatServed(method) {
      const series = new RegExp(
        `^tollgate_call_duration_seconds_count\\{.*/${method}",.*worker="(\\d+)"\\} [1-9]`,
        "gm",
      );
      return [...(await metrics()).matchAll(series)].map(([, worker = ""]) => worker).sort();
    },
  };
}

/** The same, without waiting until they serve. @param environment besides the settings of tests */
export function launchWorkers(
  databaseUrl: string,
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): TollgateProcess {
  return startTollgate(["serve", ...flags], {
    TOLLGATE_DATABASE_URL: databaseUrl,
    TOLLGATE_GRPC_LISTEN: "127.0.0.1:0",
    TOLLGATE_HTTP_LISTEN: "127.0.0.1:0",
    TOLLGATE_SECRET: TEST_SECRET,
    ...environment,
  });
}
