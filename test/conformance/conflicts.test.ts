import { v7 as uuidv7 } from "uuid";
import { expect, it } from "vitest";
import type { BatchChanges } from "../../src/storage/store.js";
import { describeStores } from "../support/stores.js";
import { accountRow, entryRow, eventRow, generationRow, grantRow, requestRow, transactionRow } from "./rows.js";
import { fresh, openedPair, save } from "./support.js";

/** Two rows that only one instance can have opened. */
const OPENED_TWICE: readonly (readonly [string, () => readonly [Partial<BatchChanges>, Partial<BatchChanges>]])[] = [
  [
    "a request key",
    () => {
      const row = requestRow();
      return [{ requests: [row] }, { requests: [requestRow({ requestId: row.requestId })] }];
    },
  ],
  [
    "an account",
    () => {
      const accountId = fresh("ann");
      return [
        { openedAccounts: [accountRow(accountId)] },
        { openedAccounts: [accountRow(accountId, { balanceUsdMicros: 7n })] },
      ];
    },
  ],
  [
    "a version of an account",
    () => {
      const accountId = fresh("ann");
      return [{ entries: [entryRow(accountId, 4n)] }, { entries: [entryRow(accountId, 4n)] }];
    },
  ],
  [
    "a rolling grant",
    () => {
      const accountId = fresh("ann");
      const rolling = () => ({ openedGrants: [grantRow(accountId, { isRolling: true })] });
      return [rolling(), rolling()];
    },
  ],
  [
    "an external reference",
    () => {
      const externalReference = fresh("stripe");
      const using = () => ({ transactions: [transactionRow({ externalReference })] });
      return [using(), using()];
    },
  ],
  [
    "a settlement of a generation",
    () => {
      const generationId = uuidv7();
      const settling = () => ({ transactions: [transactionRow({ type: "GENERATION_SETTLEMENT", generationId })] });
      return [settling(), settling()];
    },
  ],
  [
    "a generation",
    () => {
      const generationId = uuidv7();
      return [
        { openedGenerations: [generationRow({ generationId })] },
        { openedGenerations: [generationRow({ generationId, toolId: "other" })] },
      ];
    },
  ],
  [
    "an event of a generation",
    () => {
      const generationId = uuidv7();
      return [
        { events: [eventRow(generationId, "final")] },
        { events: [eventRow(generationId, "final", { type: "FAILED" }), eventRow(uuidv7(), "final")] },
      ];
    },
  ],
  [
    "a run of a provider",
    () => {
      const runId = fresh("run");
      return [{ openedGenerations: [generationRow({ runId })] }, { openedGenerations: [generationRow({ runId })] }];
    },
  ],
];

describeStores("a row opened twice", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it.each(OPENED_TWICE)("is a CONFLICT for %s, and nothing is written of the second", async (_, rows) => {
    const [first, second] = rows();
    await save(pair.store, first);
    const generationId = uuidv7();
    const withEvent = { ...second, events: [...(second.events ?? []), eventRow(generationId, "final")] };
    await expect(save(pair.other, withEvent)).rejects.toMatchObject({ name: "StoreError", kind: "CONFLICT" });
    expect(await pair.store.generationEvents(generationId)).toEqual([]);
  });

  it.each(OPENED_TWICE)("is a CONFLICT for one of two instances that open %s at once", async (_, rows) => {
    const [first, second] = rows();
    const ends = await Promise.allSettled([save(pair.store, first), save(pair.other, second)]);
    expect(ends.map((end) => end.status).sort()).toEqual(["fulfilled", "rejected"]);
    const failed = ends.find((end) => end.status === "rejected");
    expect(failed?.reason).toMatchObject({ name: "StoreError", kind: "CONFLICT" });
  });
});
