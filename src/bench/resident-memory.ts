import { readFile } from "node:fs/promises";
import { runToEnd } from "./child-process.js";

const BYTES_PER_KIB = 1_024;
const LOOK_EVERY_MS = 50;

/** What a process has in memory, in bytes. */
export interface ResidentMemory {
  readonly now: number;
  /** The most it ever had; the same as now where the system doesn't keep it. */
  readonly peak: number;
}

/** Asks the system, Linux by its files and others by `ps`. @returns undefined if there is no such process */
export async function residentMemory(pid: number): Promise<ResidentMemory | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined);
  if (status === undefined) return residentByPs(pid);
  const now = kibibytesIn(status, "VmRSS");
  // A process that has ended and waits to be collected has no memory.
  return now === undefined ? undefined : { now, peak: kibibytesIn(status, "VmHWM") ?? now };
}

function kibibytesIn(status: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  return found === undefined ? undefined : Number(found) * BYTES_PER_KIB;
}

async function residentByPs(pid: number): Promise<ResidentMemory | undefined> {
  const done = await runToEnd("ps", ["-o", "rss=", "-p", String(pid)]).catch(() => undefined);
  const now = Number(done?.stdout.trim()) * BYTES_PER_KIB;
  return now > 0 ? { now, peak: now } : undefined;
}

/** Looks at a process until it is stopped and keeps the most that it had in memory. */
export class PeakWatch {
  private peak = Number.NaN;
  private isLooking = false;
  private readonly timer = setInterval(() => void this.look(), LOOK_EVERY_MS);

  constructor(private readonly pid: number) {}

  /** @returns bytes; NaN if it was never seen */
  stop(): number {
    clearInterval(this.timer);
    return this.peak;
  }

  private async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    const memory = await residentMemory(this.pid);
    if (memory) this.peak = Math.max(Number.isNaN(this.peak) ? 0 : this.peak, memory.peak);
    this.isLooking = false;
  }
}
