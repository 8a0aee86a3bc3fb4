import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { endChild, endWithUs, lastWords, PROGRAM, runToEnd, SERVICE_FLAGS } from "./child-process.js";
import { PeakWatch } from "./resident-memory.js";
import type { Stoppable } from "./resources.js";

const READY_DEADLINE_MS = 30_000;
const READY_LINE = /gRPC on ([^,\s]+),/;

/** The built service in a process of its own. */
export interface ServiceProcess extends Stoppable {
  /** "127.0.0.1:50051" */
  readonly grpcAddress: string;
  readonly pid: number;
}

/**
 * Starts `tollgate serve` on free loopback ports and waits until it is ready.
 * @param profile a folder that it leaves a CPU profile in when it ends; undefined for none
 * @param workers processes of it behind the one port; more than 1 only on Postgres
 * @throws Error with what the service said, if it ends or isn't ready within 30 s
 */
export async function startService(
  databaseUrl: string,
  profile: string | undefined,
  workers = 1,
): Promise<ServiceProcess> {
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const child = spawn(process.execPath, [...SERVICE_FLAGS, ...profiling, PROGRAM, "serve"], {
    env: {
      ...process.env,
      TOLLGATE_DATABASE_URL: databaseUrl,
      TOLLGATE_GRPC_LISTEN: "127.0.0.1:0",
      TOLLGATE_HTTP_LISTEN: "127.0.0.1:0",
      TOLLGATE_SECRET: randomBytes(32).toString("hex"),
      TOLLGATE_LOG_LEVEL: "error",
      TOLLGATE_WORKERS: String(workers),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  endWithUs(child);
  const said = lastWords(child);
  const lines = createInterface({ input: child.stdout });
  const stop = (): Promise<void> => endChild(child);
  try {
    const signal = AbortSignal.timeout(READY_DEADLINE_MS);
    const [line] = (await Promise.race([once(lines, "line", { signal }), once(lines, "close")])) as [string?];
    const grpcAddress = READY_LINE.exec(line ?? "")?.[1];
    if (grpcAddress === undefined) throw new Error(`it said ${JSON.stringify(line ?? "nothing")}`);
    return { grpcAddress, pid: child.pid as number, stop };
  } catch (error) {
    await stop();
    throw new Error(`the service isn't ready: ${error}\n${said()}`);
  }
}

/** What `tollgate audit` made of a database. */
export interface AuditResult {
  readonly isClean: boolean;
  /** Its report, or why there is none. */
  readonly report: string;
  readonly seconds: number;
  /** The most that it had resident. */
  readonly peakBytes: number;
}

/** Audits the books from outside, as an operator would. */
export async function auditBooks(databaseUrl: string): Promise<AuditResult> {
  const startedAt = performance.now();
  let watch: PeakWatch | undefined;
  const done = await runToEnd(process.execPath, [PROGRAM, "audit"], { TOLLGATE_DATABASE_URL: databaseUrl }, (pid) => {
    watch = new PeakWatch(pid);
  });
  return {
    isClean: done.exitCode === 0,
    report: `${done.stdout}${done.stderr}`.trim(),
    seconds: (performance.now() - startedAt) / 1_000,
    peakBytes: watch?.stop() ?? Number.NaN,
  };
}
