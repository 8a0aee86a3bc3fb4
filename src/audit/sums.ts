/** Adds amounts up by account, in the order in which the accounts first come. */
export function sumsByAccount(
  rows: readonly { readonly accountId: string; readonly amountUsdMicros: bigint }[],
): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { accountId, amountUsdMicros } of rows) {
    sums.set(accountId, (sums.get(accountId) ?? 0n) + amountUsdMicros);
  }
  return sums;
}
