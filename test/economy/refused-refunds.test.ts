import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TransactionType } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { ClockedApp, refusalOf, refusalsOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

/** What can't be given back, rules 6.1. */
describe.each(["sqlite", "postgres"] as const)("a refund is refused on %s:", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
  });
  afterAll(() => app.stop());

  const refund = (...of: Parameters<ClockedApp["refund"]>) => app.refund(...of);
  const debited = async (): Promise<string> => {
    const alice = someone("alice");
    await app.credit(alice, 10n);
    return (await app.debit(alice, 10n)).transaction?.transactionId ?? "";
  };

  const of: [string, () => Promise<string | undefined>][] = [
    ["CREDIT", async () => (await app.credit(someone("alice"), 10n)).transaction?.transactionId],
    [
      "TRANSFER",
      async () => {
        const alice = someone("alice");
        await app.credit(alice, 10n);
        const transfer = { fromAccountId: alice, toAccountId: someone("bob"), amountUsdMicros: 10n };
        return (await app.economy.transfer({ requestId: alice, ...transfer })).transaction?.transactionId;
      },
    ],
    ["REFUND", async () => (await refund(await debited())).transaction?.transactionId],
    [
      "GRANT_EXPIRY",
      async () => {
        const alice = someone("alice");
        await app.credit(alice, 10n, { expireTime: app.in(1) });
        app.pass(1);
        await app.sweep();
        const types = [TransactionType.GRANT_EXPIRY];
        const { transactions } = await app.economy.listTransactions({ accountId: alice, types });
        return transactions[0]?.transactionId;
      },
    ],
    [
      "LEGACY_IMPORT",
      async () => {
        const alice = someone("alice");
        const rows = [{ accountId: alice, usd: "1" }];
        await app.economy.importLegacyBalances({ requestId: alice, sourceName: "old", rows });
        const { transactions } = await app.economy.listTransactions({ accountId: alice });
        return transactions[0]?.transactionId;
      },
    ],
  ];
  it.each(of)("a %s", async (type, make) => {
    const transactionId = (await make()) ?? "";
    for (const refusal of await refusalsOf([refund(transactionId), refund(transactionId, 1n)])) {
      expect(refusal.reason).toBe("TRANSACTION_NOT_REFUNDABLE");
      expect(refusal.metadata).toEqual({ transaction_id: transactionId, type });
    }
  });

  it.each(["nonsense", "01900000-0000-7000-8000-000000000000"])(
    "a transaction called %s, which there is none of",
    async (transactionId) => {
      expect((await refusalOf(refund(transactionId))).reason).toBe("TRANSACTION_NOT_FOUND");
    },
  );

  it.each([
    ["nothing", { case: undefined }, "amount_usd_micros"],
    ["0", { case: "amountUsdMicros", value: 0n }, "amount_usd_micros"],
    ["less than 0", { case: "amountUsdMicros", value: -1n }, "amount_usd_micros"],
    ["not all", { case: "refundAll", value: false }, "refund_all"],
  ] as const)("an amount of %s", async (_, amount, field) => {
    const transactionId = await debited();
    const call = app.economy.refundTransaction({ requestId: randomUUID(), transactionId, amount });
    const { reason, fields } = await refusalOf(call);
    expect(reason).toBe("INVALID_FIELDS");
    expect(fields).toEqual([field]);
  });
});
