import { readdir, readFile } from "node:fs/promises";

/** Linux counts a process's time in hundredths of a second, whatever the kernel's own clock (proc(5), USER_HZ). */
const MICROS_PER_TICK = 10_000;
/** Of the fields of /proc/<pid>/stat behind the name in brackets: the parent, and user and system time of the process itself and of those it has started that have ended. */
const PARENT = 1;
const TIMES = [11, 12, 13, 14];

interface ProcessTime {
  readonly parent: number;
  readonly micros: number;
}

/**
 * CPU time that a process and those it has started have used so far, in microseconds, by steps of 10 ms each.
 * @returns undefined where the system doesn't tell (only Linux does), or there is no such process
 */
export async function cpuMicrosOf(pid: number): Promise<number | undefined> {
  const processes = await allProcesses();
  if (!processes.has(pid)) return undefined;
  const isOfTree = (id: number): boolean => {
    for (let at = id; at > 1; at = processes.get(at)?.parent ?? 0) if (at === pid) return true;
    return false;
  };
  return [...processes].reduce((sum, [id, { micros }]) => (isOfTree(id) ? sum + micros : sum), 0);
}

async function allProcesses(): Promise<Map<number, ProcessTime>> {
  const names = await readdir("/proc").catch((): string[] => []);
  const found = new Map<number, ProcessTime>();
  await Promise.all(
    names.filter(isNumber).map(async (name) => {
      const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => undefined);
      if (stat === undefined) return;
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const ticks = TIMES.reduce((sum, field) => sum + Number(fields[field]), 0);
      found.set(Number(name), { parent: Number(fields[PARENT]), micros: ticks * MICROS_PER_TICK });
    }),
  );
  return found;
}

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}
