import { randomUUID } from "node:crypto";
import { CreditSource } from "../gen/stationthis/economy/v1/economy_pb.js";
import { EconomyService } from "../gen/stationthis/economy/v1/economy_service_pb.js";
import type { Caller } from "./caller.js";

/** Names of so many accounts: "payer:0", "payer:1", … */
export function accountIds(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}:${index}`);
}

/** The element that call `index` takes: drawn at random, so that calls at the same time may have the same, but the same each time. */
export function drawn<Element>(list: readonly Element[], index: number): Element {
  return list[drawnBelow(list.length, index)] as Element;
}

/** A whole number from 0 to below `end`, drawn in the same way. */
export function drawnBelow(end: number, index: number): number {
  return mixed(index) % end;
}

/** A number that looks random, from 0 to 2^32 − 1, for each one (the finalizer of MurmurHash3). */
function mixed(index: number): number {
  let hash = index | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Gives each account money. @param amountUsdMicros micro-USD */
export async function credit(caller: Caller, accounts: readonly string[], amountUsdMicros: bigint): Promise<void> {
  await caller.require(
    EconomyService.method.credit,
    accounts.map((accountId) => ({
      requestId: randomUUID(),
      accountId,
      amountUsdMicros,
      source: CreditSource.DEPOSIT,
    })),
  );
}
