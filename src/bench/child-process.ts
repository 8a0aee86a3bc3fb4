import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** How long a child may take to end after SIGTERM before it is killed. */
const END_DEADLINE_MS = 12_000;
/** Characters kept of what a child says on standard error: enough for its last words. */
const KEPT_CHARACTERS = 4_000;

/** The built program, next to which this file lies once it is built. */
export const PROGRAM = new URL("../main.js", import.meta.url).pathname;

/** A young generation of 64 MB: with less, collections are a good part of what a busy process does. */
export const YOUNG_GENERATION = "--max-semi-space-size=64";
/** Node's flags for the service, as `npm start` has them (docs/operating.md). */
export const SERVICE_FLAGS: readonly string[] = [
  YOUNG_GENERATION,
  "--heap-growing-percent=100",
  "--no-allocation-site-pretenuring",
];

/** What a program that ran to its end left behind. */
export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  /** Its last 4,000 characters. */
  readonly stderr: string;
}

/**
 * Runs a program to its end.
 * @param environment added to our own
 * @param onStart told its process id
 * @throws Error if it can't be started (ENOENT: it isn't there)
 */
export async function runToEnd(
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  onStart: (pid: number) => void = () => {},
): Promise<Finished> {
  const child = spawn(program, parameters, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  endWithUs(child);
  if (child.pid !== undefined) onStart(child.pid);
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const stderr = lastWords(child);
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, stdout, stderr: stderr() };
}

/** Collects the end of a child's standard error. */
export function lastWords(child: ChildProcess): () => string {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-KEPT_CHARACTERS);
  });
  return () => said.trim();
}

/** Ends a child with SIGTERM, or with SIGKILL once the deadline is over. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), END_DEADLINE_MS);
  await ended;
  clearTimeout(timer);
}

/** Takes a child down with this process, should it end without stopping it. */
export function endWithUs(child: ChildProcess): void {
  const end = (): void => {
    child.kill("SIGTERM");
  };
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
}
