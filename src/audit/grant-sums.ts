import { isPlatformAccount } from "../domain/accounts.js";
import type { Account, Grant } from "../domain/ledger/rows.js";
import { type Finding, finding } from "./violations.js";

/** Adds up what is left of one account's grants, all of them, and compares it with the account (rules 8.5). No I/O. */
export class GrantSums {
  private remainingUsdMicros = 0n;
  private promotionalUsdMicros = 0n;

  add({ category, remainingUsdMicros }: Grant): void {
    this.remainingUsdMicros += remainingUsdMicros;
    if (category === "PROMOTIONAL") this.promotionalUsdMicros += remainingUsdMicros;
  }

  *close({ accountId, balanceUsdMicros, promotionalUsdMicros }: Account): Generator<Finding> {
    const row = `account ${accountId}`;
    if (!isPlatformAccount(accountId) && this.remainingUsdMicros !== balanceUsdMicros) {
      const detail = `has ${balanceUsdMicros}, its grants sum to ${this.remainingUsdMicros}`;
      yield finding("grants-sum-to-balance", row, detail);
    }
    if (this.promotionalUsdMicros !== promotionalUsdMicros) {
      const detail = `has ${promotionalUsdMicros} promotional, its grants sum to ${this.promotionalUsdMicros}`;
      yield finding("promotional-is-sum-of-grants", row, detail);
    }
  }
}
