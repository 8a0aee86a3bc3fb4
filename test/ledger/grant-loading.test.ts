import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { byBurnOrder } from "../../src/domain/ledger/grants.js";
import { creditOf, debitOf, generationOf } from "../support/commands.js";
import { loraOf, someone, TestLedger } from "../support/ledger.js";
import { describeStores } from "../support/stores.js";

/** A batch loads only the first 32 open grants of an account; what it burns must not show that. */
describeStores("burning from an account with 40 open grants of 10", (makeDatabase) => {
  let ledger: TestLedger;
  let alice: string;
  let grantIds: string[];
  beforeAll(async () => {
    ledger = await TestLedger.start(makeDatabase);
  });
  beforeEach(async () => {
    alice = someone("alice");
    const credits = Array.from({ length: 40 }, () =>
      ledger.writer.submit(creditOf({ accountId: alice, amountUsdMicros: 10n, priority: 40 })),
    );
    const grants = (await Promise.all(credits)).flatMap((done) => (done.kind === "done" ? [done.grant] : []));
    grantIds = grants.sort(byBurnOrder).map((grant) => grant.grantId);
  });
  afterAll(() => ledger.stop());

  /** Makes alice a creator: her reward arrives in her rolling grant, which burns after the others. */
  const reward = async (): Promise<void> => {
    const fan = someone("fan");
    await ledger.fund(fan, 2_000_000n);
    await ledger.complete(await ledger.create({ accountId: fan, attribution: { loras: [loraOf(alice)] } }));
  };
  const debit = async (amountUsdMicros: bigint): Promise<string[]> => {
    const done = await ledger.writer.submit(debitOf({ accountId: alice, amountUsdMicros }));
    if (done.kind !== "done") throw new Error("the debit is new");
    return (done.posted.entries[0]?.grantMovements ?? []).map(([grantId]) => grantId);
  };

  it("takes all of them before her rewards", async () => {
    await reward();
    expect(await debit(350n)).toEqual(grantIds.slice(0, 35));
    expect(await debit(60n)).toEqual([...grantIds.slice(35), expect.any(String)]);
  });

  it("takes them before a credit of the same batch that burns later", async () => {
    const late = creditOf({ accountId: alice, amountUsdMicros: 1_000n, priority: 90 });
    const [, burned] = await Promise.all([ledger.writer.submit(late), debit(400n)]);
    expect(burned).toEqual(grantIds);
  });

  it("takes a credit of the same batch before them if it burns earlier", async () => {
    const early = creditOf({ accountId: alice, amountUsdMicros: 1_000n, priority: 10 });
    const [credited, burned] = await Promise.all([ledger.writer.submit(early), debit(1_010n)]);
    if (credited.kind !== "done") throw new Error("the credit is new");
    expect(burned).toEqual([credited.grant.grantId, grantIds[0]]);
  });

  it("takes each in its turn across the debits of one batch", async () => {
    await reward();
    const burned = await Promise.all(Array.from({ length: 8 }, () => debit(50n)));
    expect(burned.flat()).toEqual(grantIds);
  });

  it("takes them in the same order for a settlement", async () => {
    await reward();
    const price = { unit: "RUN", rateUsd: "0.00036", multiplier: "1", minimumChargeUsdMicros: 0n } as const;
    const created = await ledger.writer.submit(generationOf({ accountId: alice, pricing: price }));
    if (created.kind !== "done") throw new Error("the generation is new");
    const { posted } = await ledger.complete(created.generation.generationId);
    expect(posted?.entries[0]?.grantMovements.map(([grantId]) => grantId)).toEqual(grantIds.slice(0, 36));
  });
});
