import { isFinal } from "../domain/generation/generation.js";
import { earlier } from "../domain/ledger/grant-book.js";
import type { Account, Grant } from "../domain/ledger/rows.js";
import type { EpochMicros } from "../domain/time.js";
import type { HoldToCheck } from "../storage/audit-store.js";
import { type Finding, finding } from "./violations.js";

/** Checks one account's holds, then the account against them (rules 8.3). No I/O. */
export class HoldTally {
  private activeUsdMicros = 0n;

  constructor(private readonly accountId: string) {}

  *compare(hold: HoldToCheck): Generator<Finding> {
    const row = `account ${this.accountId} hold ${hold.holdId}`;
    yield* checkCaptured(row, hold);
    if (hold.state !== "ACTIVE") return;
    this.activeUsdMicros += hold.amountUsdMicros;
    if (hold.generationId !== "") yield* checkOwner(row, hold);
  }

  *close({ heldUsdMicros }: Account): Generator<Finding> {
    if (heldUsdMicros === this.activeUsdMicros) return;
    const detail = `holds ${heldUsdMicros}, its active holds sum to ${this.activeUsdMicros}`;
    yield finding("held-is-sum-of-active-holds", `account ${this.accountId}`, detail);
  }
}

/** Checks that an account says early enough when to look for something that ends (docs/decisions/0009). No I/O. */
export class AccountEnds {
  private first: EpochMicros | null = null;

  addHold({ state, expireTime }: HoldToCheck): void {
    if (state === "ACTIVE") this.first = earlier(this.first, expireTime);
  }

  addGrant({ remainingUsdMicros, expireTime }: Grant): void {
    if (remainingUsdMicros > 0n) this.first = earlier(this.first, expireTime);
  }

  *close({ accountId, nextExpiryTime }: Account): Generator<Finding> {
    if (this.first === null || (nextExpiryTime !== null && nextExpiryTime <= this.first)) return;
    const detail = `is looked at ${nextExpiryTime ?? "never"}, something of it ends at ${this.first}`;
    yield finding("next-expiry-in-time", `account ${accountId}`, detail);
  }
}

/** What is wrong with a hold of an account that doesn't exist. */
export function* strayHold(hold: HoldToCheck): Generator<Finding> {
  yield finding("hold-has-account", `account ${hold.accountId} hold ${hold.holdId}`, "its account doesn't exist");
}

function* checkCaptured(row: string, { state, amountUsdMicros, capturedUsdMicros }: HoldToCheck): Generator<Finding> {
  const isRight =
    state === "CAPTURED"
      ? capturedUsdMicros >= 1n && capturedUsdMicros <= amountUsdMicros
      : capturedUsdMicros === 0n && amountUsdMicros >= 1n;
  if (isRight) return;
  yield finding("captured-within-hold", row, `is ${state} with ${capturedUsdMicros} captured of ${amountUsdMicros}`);
}

function* checkOwner(row: string, { holdId, generationId, generation }: HoldToCheck): Generator<Finding> {
  const named = `generation ${generationId}`;
  if (!generation) {
    yield finding("active-hold-has-generation", row, `names ${named}, which doesn't exist`);
  } else if (isFinal(generation.state) || generation.holdId !== holdId) {
    const detail = `${named} is ${generation.state} and names hold ${generation.holdId || "none"}`;
    yield finding("active-hold-has-generation", row, detail);
  }
}
