import { isPlatformAccount } from "../domain/accounts.js";
import { formatUsd } from "../domain/money.js";
import type { Transaction } from "../gen/stationthis/economy/v1/economy_pb.js";
import { claim } from "./claim.js";
import type { DemoService } from "./demo-service.js";
import type { Screen } from "./screen.js";
import { alignRows } from "./table.js";

/** Accounts with what they have, in the order asked. One without entries has nothing. */
export type Balances = ReadonlyMap<string, { readonly usdMicros: bigint; readonly points: string }>;

export async function balancesOf(service: DemoService, accountIds: readonly string[]): Promise<Balances> {
  const { balances } = await service.economy.batchGetBalances({ accountIds: [...accountIds] });
  const found = new Map(balances.map((balance) => [balance.accountId, balance]));
  return new Map(
    accountIds.map((accountId) => {
      const balance = found.get(accountId);
      return [accountId, { usdMicros: balance?.balanceUsdMicros ?? 0n, points: balance?.availablePoints ?? "0.00" }];
    }),
  );
}

/**
 * Shows one transaction as what it did to each account.
 * @throws Error if the balances moved by anything but its entries, or the entries don't sum to zero
 */
export function showTransaction(screen: Screen, transaction: Transaction, before: Balances, after: Balances): void {
  const rows = [...after].map(([accountId, { usdMicros, points }]) => {
    const was = before.get(accountId) ?? { usdMicros: 0n, points: "0.00" };
    const entry = entryOf(transaction, accountId);
    // Whoever else uses the store moves the platform's accounts, too.
    if (!isPlatformAccount(accountId)) {
      claim(usdMicros - was.usdMicros === entry, `${accountId} changed by the transaction's entry and nothing else`);
    }
    return [accountId, formatUsd(was.usdMicros), signedUsd(entry), formatUsd(usdMicros), was.points, points];
  });
  const sum = transaction.entries.reduce((total, { amountUsdMicros }) => total + amountUsdMicros, 0n);
  claim(sum === 0n, "the entries of a transaction sum to zero");
  claim(
    transaction.entries.every(({ accountId }) => after.has(accountId)),
    "nobody else got or gave anything",
  );

  const header = ["", "before US$", "entry", "after US$", "points before", "after"];
  const table = alignRows(
    [header, ...rows, ["sum", "", formatUsd(sum)]],
    ["left", "right", "right", "right", "right", "right"],
  );
  screen.line(`  One transaction, ${transaction.transactionId}:`);
  table.forEach((line, index) => {
    const text = `  ${line.trimEnd()}`;
    if (index === 0) screen.line(screen.styled("dim", text));
    else screen.line(index > rows.length ? screen.styled("bold", text) : text);
  });
}

function entryOf(transaction: Transaction, accountId: string): bigint {
  return transaction.entries.find((entry) => entry.accountId === accountId)?.amountUsdMicros ?? 0n;
}

function signedUsd(usdMicros: bigint): string {
  return usdMicros > 0n ? `+${formatUsd(usdMicros)}` : formatUsd(usdMicros);
}
