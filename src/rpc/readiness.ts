import type { Store } from "../storage/store.js";

/** Whether this instance can take calls: its store answers, the schema is current, and it isn't shutting down. */
export class Readiness {
  private draining = false;

  constructor(private readonly store: Pick<Store, "ping" | "isMigrated">) {}

  /** Whether it is shutting down, which nothing undoes. */
  get isDraining(): boolean {
    return this.draining;
  }

  /** From now on the answer is no. */
  drain(): void {
    this.draining = true;
  }

  /** Why not, or undefined if it is ready. */
  async problem(): Promise<string | undefined> {
    if (this.draining) return "shutting down";
    try {
      await this.store.ping();
      return (await this.store.isMigrated()) ? undefined : "the schema is not current";
    } catch {
      return "the store can't be reached";
    }
  }
}
