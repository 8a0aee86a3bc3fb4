import { expect, it } from "vitest";
import type { Generation } from "../../src/domain/generation/generation.js";
import type { CastCursor, GenerationFilter } from "../../src/storage/read-store.js";
import { describeStores } from "../support/stores.js";
import { accountRow, fullGenerationRow, generationRow, NOON } from "./rows.js";
import { ALWAYS, fresh, ids, openedPair, pagesOf, save } from "./support.js";

const idsOf = (rows: readonly Generation[]) => rows.map((row) => row.generationId);

describeStores("a cast", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  const filterOf = (accountId: string, castId: string, more: Partial<GenerationFilter> = {}): GenerationFilter => ({
    accountId,
    states: [],
    toolId: "",
    spellId: "",
    castId,
    ...ALWAYS,
    ...more,
  });
  const pages = (filter: GenerationFilter, pageSize: number) =>
    pagesOf<Generation, CastCursor>((cursor) => pair.store.listCast(filter, cursor, pageSize));

  /** Created in another order than their steps: 2, 10, 0, 0 again, 1. */
  const saveCast = async (accountId: string, castId: string): Promise<readonly Generation[]> => {
    const order = [2, 10, 0, 0, 1];
    const rows = ids(5).map((generationId, index) =>
      fullGenerationRow({ generationId, accountId, castId, stepIndex: order[index] as number }),
    );
    await save(pair.store, { openedGenerations: rows });
    return [2, 3, 4, 0, 1].map((index) => rows[index] as Generation);
  };

  it("is listed by step_index and then generation_id, every column as it was saved", async () => {
    const steps = await saveCast(fresh("ann"), "cast");
    const [first] = steps as [Generation];
    expect(await pair.store.listCast(filterOf(first.accountId, "cast"), undefined, 10)).toEqual({
      rows: steps,
      next: undefined,
    });
  });

  it.each([
    [1, [1, 1, 1, 1, 1]],
    [2, [2, 2, 1]],
    [5, [5]],
  ])("is given in pages of %i, nothing twice and nothing left out", async (pageSize, sizes) => {
    const accountId = fresh("ann");
    const steps = await saveCast(accountId, "cast");
    const read = await pages(filterOf(accountId, "cast"), pageSize);
    expect(read.map((page) => page.length)).toEqual(sizes);
    expect(idsOf(read.flat())).toEqual(idsOf(steps));
  });

  it("leaves out other casts, other accounts, and what belongs to no cast", async () => {
    const accountId = fresh("ann");
    await saveCast(accountId, "cast-1");
    await saveCast(fresh("ben"), "cast-2");
    await save(pair.store, { openedGenerations: [generationRow({ accountId, castId: "" })] });
    expect((await pages(filterOf(accountId, "cast-2"), 10)).flat()).toEqual([]);
    expect((await pages(filterOf(accountId, ""), 10)).flat()).toEqual([]);
    expect(await pair.store.castSteps(accountId, "cast-2", 10)).toEqual([]);
    expect(await pair.store.castSteps(accountId, "", 10)).toEqual([]);
  });

  it("takes the other filters, and looks at no more than 20 pages' worth of steps for a rare one", async () => {
    const accountId = fresh("ann");
    const rows = ids(50).map((generationId, stepIndex) =>
      generationRow({ generationId, accountId, castId: "cast", stepIndex, toolId: stepIndex === 49 ? "rare" : "flux" }),
    );
    await save(pair.store, { openedGenerations: rows });
    const filter = filterOf(accountId, "cast", { toolId: "rare" });
    const first = await pair.store.listCast(filter, undefined, 2);
    expect(first).toEqual({ rows: [], next: { stepIndex: 39, generationId: rows[39]?.generationId } });
    expect(idsOf((await pair.store.listCast(filter, first.next, 2)).rows)).toEqual([rows[49]?.generationId]);
  });

  it("says what counts of its first steps, as many as asked", async () => {
    const accountId = fresh("ann");
    const steps = await saveCast(accountId, "cast");
    const unknown = generationRow({ accountId, castId: "cast", stepIndex: 99 });
    await save(pair.store, { openedGenerations: [unknown] });
    const counting = [...steps, unknown].map(({ generationId, stepIndex, state, baseCostUsdMicros, feeUsdMicros }) => ({
      ...{ generationId, stepIndex, state, baseCostUsdMicros, feeUsdMicros },
    }));
    expect(await pair.store.castSteps(accountId, "cast", 100)).toEqual(counting);
    expect(await pair.store.castSteps(accountId, "cast", 3)).toEqual(counting.slice(0, 3));
  });
});

describeStores("openGenerations", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("gives PENDING and RUNNING generations created at or before a time, oldest first, as many as asked", async () => {
    const states = ["PENDING", "COMPLETED", "RUNNING", "PAYMENT_FAILED", "PENDING", "FAILED", "CANCELLED", "RUNNING"];
    const rows = ids(8).map((generationId, index) =>
      generationRow({
        generationId,
        state: states[index] as Generation["state"],
        createTime: NOON - BigInt(index) * 10n,
      }),
    );
    await save(pair.store, { openedGenerations: rows });
    const open = [7, 4, 2, 0].map((index) => rows[index]?.generationId);
    expect(await pair.store.openGenerations(NOON, 10)).toEqual(open);
    expect(await pair.store.openGenerations(NOON - 20n, 10)).toEqual(open.slice(0, 3));
    expect(await pair.store.openGenerations(NOON - 21n, 10)).toEqual(open.slice(0, 2));
    expect(await pair.store.openGenerations(NOON, 1)).toEqual(open.slice(0, 1));
    await save(pair.store, { changedGenerations: [{ ...(rows[7] as Generation), state: "FAILED" }] });
    expect(await pair.store.openGenerations(NOON, 10)).toEqual(open.slice(1));
  });
});

/** A generation that nobody could pay. */
function unpaidRow(payerAccountId: string, baseCostUsdMicros: bigint, row: Partial<Generation> = {}): Generation {
  return generationRow({
    payerAccountId,
    baseCostUsdMicros,
    state: "PAYMENT_FAILED",
    stateReason: "INSUFFICIENT_FUNDS",
    ...row,
  });
}

describeStores("unpaidGenerations", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("gives those that nobody could pay, oldest first, in which the account has the role", async () => {
    const [ann, ben] = [fresh("ann"), fresh("ben")];
    const rows = ids(3).map((generationId, index) =>
      unpaidRow(ann, 100n, { generationId, fallbackPayerAccountId: ben, createTime: NOON - BigInt(index) }),
    );
    const others = [
      generationRow({ payerAccountId: ann, fallbackPayerAccountId: ben }),
      unpaidRow(ann, 100n, { stateReason: "COST_UNDETERMINED", fallbackPayerAccountId: ben }),
      unpaidRow(ann, 100n, { state: "COMPLETED", stateReason: "", fallbackPayerAccountId: ben }),
      unpaidRow(fresh("cyd"), 100n),
    ];
    await save(pair.store, { openedGenerations: [...rows, ...others] });
    const oldestFirst = idsOf(rows).toReversed();
    expect(await pair.store.unpaidGenerations(ann, "PAYER", 0n, 10)).toEqual(oldestFirst);
    expect(await pair.store.unpaidGenerations(ben, "FALLBACK", 0n, 10)).toEqual(oldestFirst);
    expect(await pair.store.unpaidGenerations(ann, "FALLBACK", 0n, 10)).toEqual([]);
    expect(await pair.store.unpaidGenerations(ben, "PAYER", 0n, 10)).toEqual([]);
  });

  it("gives those created at or after a time, as many as asked", async () => {
    const ann = fresh("ann");
    const rows = ids(3).map((generationId, index) =>
      unpaidRow(ann, 100n, { generationId, createTime: NOON + BigInt(index) }),
    );
    await save(pair.store, { openedGenerations: rows });
    expect(await pair.store.unpaidGenerations(ann, "PAYER", NOON + 1n, 10)).toEqual(idsOf(rows).slice(1));
    expect(await pair.store.unpaidGenerations(ann, "PAYER", NOON, 2)).toEqual(idsOf(rows).slice(0, 2));
  });
});

describeStores("accountsAbleToPay", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("gives accounts whose available money covers the base of something unpaid, as payer or as fallback", async () => {
    const [able, held, short, fallback, nobody] = ["a", "b", "c", "d", "e"].map(fresh) as [
      ...[string, string, string, string, string],
    ];
    await save(pair.store, {
      openedAccounts: [
        accountRow(able, { balanceUsdMicros: 110n, heldUsdMicros: 10n }),
        accountRow(held, { balanceUsdMicros: 110n, heldUsdMicros: 11n }),
        accountRow(short, { balanceUsdMicros: 99n }),
        accountRow(fallback, { balanceUsdMicros: 100n }),
        accountRow(nobody, { balanceUsdMicros: 1_000n }),
      ],
      openedGenerations: [
        unpaidRow(able, 100n),
        unpaidRow(able, 50n),
        unpaidRow(held, 100n),
        unpaidRow(short, 100n, { fallbackPayerAccountId: fallback }),
        unpaidRow(nobody, 100n, { state: "COMPLETED", stateReason: "" }),
        generationRow({ payerAccountId: nobody }),
        unpaidRow(fresh("unknown"), 1n),
      ],
    });
    const among = [able, held, short, fallback, nobody];
    expect(await pair.store.accountsAbleToPay(0n, "", 10, among)).toEqual([able, fallback]);
    expect(await pair.store.accountsAbleToPay(NOON, "", 10, among)).toEqual([able, fallback]);
    expect(await pair.store.accountsAbleToPay(NOON + 1n, "", 10, among)).toEqual([]);
    expect(await pair.store.accountsAbleToPay(0n, "", 10, [])).toEqual([]);
  });

  it("goes on above an account, as many at a time as asked", async () => {
    const accountIds = ["x1", "x2", "x3"].map(fresh);
    await save(pair.store, {
      openedAccounts: accountIds.map((accountId) => accountRow(accountId)),
      openedGenerations: accountIds.map((accountId) => unpaidRow(accountId, 5n)),
    });
    expect(await pair.store.accountsAbleToPay(0n, "x", 2)).toEqual(accountIds.slice(0, 2));
    expect(await pair.store.accountsAbleToPay(0n, accountIds[1] as string, 2)).toEqual(accountIds.slice(2));
  });
});
