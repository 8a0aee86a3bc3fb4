import { randomUUID } from "node:crypto";
import { CreditSource } from "../gen/stationthis/economy/v1/economy_pb.js";
import { EconomyService } from "../gen/stationthis/economy/v1/economy_service_pb.js";
import type { Caller } from "./caller.js";

/** Multiplied by it, neighbouring numbers end up far apart (Knuth). */
const SCATTER = 2_654_435_761;

/** Names of so many accounts: "payer:0", "payer:1", … */
export function accountIds(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}:${index}`);
}

/** The element that call `index` takes: all over the list, and the same each time. */
export function scattered<Element>(list: readonly Element[], index: number): Element {
  return list[(index * SCATTER) % list.length] as Element;
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
