import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";

/** What the figures were measured on and with. */
export interface Machine {
  readonly cores: number;
  readonly cpuModel: string;
  readonly memoryBytes: number;
  /** "v20.20.2" */
  readonly node: string;
  /** "18.4"; undefined if no Postgres took part. */
  readonly postgres: string | undefined;
  /** "15.18"; undefined if it took no part, or isn't installed. */
  readonly pgbench: string | undefined;
  /** Commit of the working copy that the program was built from, whatever was changed since; undefined outside of one. */
  readonly commit: string | undefined;
}

/** @param postgres version of the server, if one took part @param pgbench likewise */
export async function describeMachine(postgres: string | undefined, pgbench: string | undefined): Promise<Machine> {
  return {
    cores: availableParallelism(),
    cpuModel: cpus()[0]?.model.trim() ?? "unknown",
    memoryBytes: totalmem(),
    node: process.version,
    postgres,
    pgbench,
    commit: await checkedOutCommit(new URL("../../.git/", import.meta.url)),
  };
}

/** Reads what git has checked out from its files, since git itself need not be installed. */
async function checkedOutCommit(git: URL): Promise<string | undefined> {
  try {
    const head = (await readFile(new URL("HEAD", git), "utf8")).trim();
    const branch = /^ref: (.+)$/.exec(head)?.[1];
    if (branch === undefined) return head;
    const loose = await readFile(new URL(branch, git), "utf8").catch(() => undefined);
    if (loose !== undefined) return loose.trim();
    const packed = await readFile(new URL("packed-refs", git), "utf8");
    return packed
      .split("\n")
      .find((line) => line.endsWith(` ${branch}`))
      ?.split(" ")[0];
  } catch {
    return undefined;
  }
}
