import type { BenchDatabase } from "../databases.js";
import type { Stoppable } from "../resources.js";
import { fillRewards } from "./fill-rewards.js";
import { planOf } from "./reward-plan.js";

/** A database with millions of rewards, which takes minutes to fill: made for the first workload that asks, and read by all of them. */
export class FilledDatabase implements Stoppable {
  private database: BenchDatabase | undefined;
  private isFilled = false;

  /** @param say told how far it is, and as a share of the whole */
  constructor(
    private readonly rewards: number,
    private readonly say: (text: string, share: number) => void,
  ) {}

  async get(make: () => Promise<BenchDatabase>): Promise<BenchDatabase> {
    this.database ??= await make();
    if (!this.isFilled) {
      await fillRewards(this.database.url, planOf(this.rewards), (done, total) =>
        this.say(`filling: ${done.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} rewards`, done / total),
      );
      this.isFilled = true;
    }
    return this.database;
  }

  async stop(): Promise<void> {
    await this.database?.stop();
  }
}
