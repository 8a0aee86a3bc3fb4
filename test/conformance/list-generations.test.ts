import { beforeAll, expect, it } from "vitest";
import type { Generation, GenerationState } from "../../src/domain/generation/generation.js";
import type { GenerationFilter, ReadStore } from "../../src/storage/read-store.js";
import { describeStores } from "../support/stores.js";
import { fullGenerationRow, generationRow, NOON } from "./rows.js";
import { ALWAYS, fresh, ids, openedPair, pagesOf, save } from "./support.js";

const filterOf = (accountId: string, filter: Partial<GenerationFilter> = {}): GenerationFilter => ({
  accountId,
  states: [],
  toolId: "",
  spellId: "",
  castId: "",
  ...ALWAYS,
  ...filter,
});

const idsOf = (rows: readonly Generation[]) => rows.map((row) => row.generationId);

const pages = (store: ReadStore, filter: GenerationFilter, pageSize: number) =>
  pagesOf<Generation, string>((cursor) => store.listGenerations(filter, cursor, pageSize));

describeStores("listGenerations", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("lists the generations that an account asked for, newest first by generation_id, every column as it was saved", async () => {
    const accountId = fresh("ann");
    const rows = ids(3).map((generationId) => fullGenerationRow({ generationId, accountId }));
    const others = [generationRow({ accountId: fresh("ben"), payerAccountId: accountId })];
    await save(pair.store, { openedGenerations: [...rows, ...others] });
    expect(await pair.store.listGenerations(filterOf(accountId), undefined, 10)).toEqual({
      rows: rows.toReversed(),
      next: undefined,
    });
  });

  it.each([
    [1, [1, 1, 1, 1, 1, 1, 1]],
    [3, [3, 3, 1]],
    [7, [7]],
    [8, [7]],
  ])("gives 7 generations in pages of %i, nothing twice and nothing left out", async (pageSize, sizes) => {
    const accountId = fresh("ann");
    const rows = ids(7).map((generationId) => generationRow({ generationId, accountId }));
    await save(pair.store, { openedGenerations: rows });
    const read = await pages(pair.store, filterOf(accountId), pageSize);
    expect(read.map((page) => page.length)).toEqual(sizes);
    expect(idsOf(read.flat())).toEqual(idsOf(rows).toReversed());
  });

  it("goes on below its cursor, whatever is written meanwhile", async () => {
    const accountId = fresh("ann");
    const rows = ids(4).map((generationId) => generationRow({ generationId, accountId }));
    await save(pair.store, { openedGenerations: rows });
    const first = await pair.store.listGenerations(filterOf(accountId), undefined, 2);
    await save(pair.other, { openedGenerations: [generationRow({ accountId }), generationRow({ accountId })] });
    const second = await pair.store.listGenerations(filterOf(accountId), first.next, 2);
    expect(idsOf([...first.rows, ...second.rows])).toEqual(idsOf(rows).toReversed());
    expect(second.next).toBeUndefined();
  });

  it("looks at no more than 20 pages' worth of generations for a rare filter, and says where to go on", async () => {
    const accountId = fresh("ann");
    const rows = ids(100).map((generationId, index) =>
      generationRow({ generationId, accountId, castId: index === 0 ? "rare" : "" }),
    );
    await save(pair.store, { openedGenerations: rows });
    const filter = filterOf(accountId, { castId: "rare" });
    const newestFirst = idsOf(rows).toReversed();
    const first = await pair.store.listGenerations(filter, undefined, 2);
    expect(first).toEqual({ rows: [], next: newestFirst[39] });
    const second = await pair.store.listGenerations(filter, first.next, 2);
    expect(second).toEqual({ rows: [], next: newestFirst[79] });
    const third = await pair.store.listGenerations(filter, second.next, 2);
    expect(idsOf(third.rows)).toEqual([newestFirst[99]]);
    expect(third.next).toBeUndefined();
  });
});

describeStores("a filter of listGenerations", (makeDatabase) => {
  const pair = openedPair(makeDatabase);
  const states: readonly GenerationState[] = ["PENDING", "COMPLETED", "PAYMENT_FAILED"];
  /** Numbers 1 to 12. */
  const rows = ids(12).map((generationId, index) =>
    generationRow({
      generationId,
      accountId: "ann",
      createTime: NOON + BigInt(index + 1),
      state: states[index % 3] as GenerationState,
      toolId: `tool-${index % 4}`,
      castId: `cast-${index % 6}`,
      attribution:
        index % 2 ? { loras: [] } : { loras: [], spell: { spellId: `spell-${index % 4}`, ownerAccountId: "ben" } },
    }),
  );
  beforeAll(() => save(pair.store, { openedGenerations: rows }));

  it.each<[string, Partial<GenerationFilter>, number[]]>([
    ["a state", { states: ["COMPLETED"] }, [11, 8, 5, 2]],
    ["several states", { states: ["COMPLETED", "PENDING"] }, [11, 10, 8, 7, 5, 4, 2, 1]],
    ["a tool", { toolId: "tool-0" }, [9, 5, 1]],
    ["a spell", { spellId: "spell-2" }, [11, 7, 3]],
    ["a cast", { castId: "cast-5" }, [12, 6]],
    ["a start time, inclusive", { startTime: NOON + 10n }, [12, 11, 10]],
    ["an end time, exclusive", { endTime: NOON + 4n }, [3, 2, 1]],
    ["all of it at once", { states: ["PENDING"], toolId: "tool-2", spellId: "spell-2", endTime: NOON + 9n }, [7]],
    ["nothing that there is", { spellId: "spell-1" }, []],
  ])("takes %s", async (_, filter, numbers) => {
    const expected = numbers.map((number) => rows[number - 1]?.generationId);
    for (const pageSize of [1, 2, 100]) {
      expect(idsOf((await pages(pair.store, filterOf("ann", filter), pageSize)).flat())).toEqual(expected);
    }
  });
});
