import type { Store } from "../storage/store.js";

/** Whether this instance can take calls: its store answers, the schema is current, and it isn't shutting down. */
export class Readiness {
  private isDraining = false;

  constructor(private readonly store: Pick<Store, "ping" | "isMigrated">) {}

  /** From now on the answer is no. */
  drain(): void {
    this.isDraining = true;
  }

  /** Why not, or undefined if it is ready. */
  async problem(): Promise<string | undefined> {
    if (this.isDraining) return "shutting down";
    try {
      await this.store.ping();
      return (await this.store.isMigrated()) ? undefined : "the schema is not current";
    } catch {
      return "the store can't be reached";
    }
  }
}
