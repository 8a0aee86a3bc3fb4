import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** A `tollgate` process of the built project. */
export interface TollgateProcess {
  readonly child: ChildProcess;
  /** What it has written so far, both streams. */
  said(): string;
  /** Resolves with the first match in what it writes; fails if it exits before that. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Its exit code; null if a signal ended it. */
  readonly exit: Promise<number | null>;
  /** Ends it at once, if it still runs. */
  kill(): Promise<void>;
}

/** Starts `tollgate` with these arguments and with these settings only. */
export function startTollgate(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): TollgateProcess {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const listeners = new Set<() => void>();
  const hear = (chunk: unknown): void => {
    said += String(chunk);
    for (const listener of listeners) listener();
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));

  return {
    child,
    exit,
    said: () => said,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(said);
          if (match) resolve(match);
        };
        listeners.add(look);
        look();
        exit.then((code) => reject(new Error(`tollgate ${args.join(" ")} exited with ${code}:\n${said}`)));
      }),
    async kill() {
      child.kill("SIGKILL");
      await exit;
    },
  };
}
