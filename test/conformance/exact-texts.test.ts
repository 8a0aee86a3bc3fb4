import { expect, it } from "vitest";
import { describeStores } from "../support/stores.js";
import { accountRow, eventRow, fullGenerationRow, requestRow, rewardRow, toolRow, transactionRow } from "./rows.js";
import { ALWAYS, fresh, loadKeys, openedPair, save } from "./support.js";

const TEXTS: readonly (readonly [string, string])[] = [
  ["quotes", `it's "quoted" with \`three\` ''kinds''`],
  ["backslashes", "C:\\new\\table \\' \\\" \\\\ \\u0041 \\x41"],
  ["emoji", "🎨 👩‍🚀 🇪🇺 x̂ ﷽ ‮right to left‬ \u{10FFFF}"],
  ["lines and tabs", "one\ntwo\r\nthree\tfour\u2028five"],
  ["control characters", "\u0001\u0008\u001f\u007f"],
  ["percent signs and wildcards", "100 % %s %d _ * LIKE '%'"],
  ["placeholders", "? ?? :name $1 ?1 @p {0} %(x)s"],
  ["what could end a statement", "'; drop table entries; --"],
  ["JSON", '{"a":[1,null],"b":"\\"}"}'],
  ["a list of Postgres", '{1,NULL,"a"}'],
  ["the word NULL", "NULL"],
  ["what looks like a number", "0123"],
  ["what looks like a large number", "123456789012345678901234567890"],
  ["what looks like hex bytes", "\\x00ff"],
  ["spaces around it", "  \u00a0 a \u3000  "],
  ["nothing but a space", " "],
  ["a decomposed letter, which is not the composed one", "e\u0301 \u00e9"],
  ["length", "ü".repeat(20_000)],
];

describeStores("text with odd characters", (makeDatabase, backend) => {
  const pair = openedPair(makeDatabase);

  it.each(TEXTS)("survives unchanged in a transaction: %s", async (_, text) => {
    const transaction = transactionRow({ description: text, metadata: { [text]: text, other: "" } });
    await save(pair.store, { transactions: [transaction] });
    expect(await pair.store.transaction(transaction.transactionId)).toEqual({ transaction, entries: [] });
  });

  it.each(TEXTS)(
    "survives unchanged in a generation, its outputs and its events, opened and changed: %s",
    async (_, text) => {
      const changing = {
        liveStatus: text,
        errorMessage: text,
        outputs: [{ url: text, type: "TEXT", filename: text, nodeId: text, text } as const],
        conflicts: [text],
      };
      const generation = fullGenerationRow({
        castId: text,
        notification: { platform: text, target: text },
        metadata: { [text]: text },
        attribution: {
          spell: { spellId: text, ownerAccountId: text },
          loras: [{ loraId: text, ownerAccountId: text }],
        },
        ...changing,
      });
      const before = fullGenerationRow();
      const changed = { ...before, ...changing };
      const { generationId } = generation;
      const event = eventRow(generationId, "final", { details: { [text]: text } });
      await save(pair.store, { openedGenerations: [generation, before], events: [event] });
      await save(pair.store, { changedGenerations: [changed] });
      expect(await pair.store.findGenerations({ generationId, runId: "" })).toEqual([generation]);
      expect(await pair.store.findGenerations({ generationId: changed.generationId, runId: "" })).toEqual([changed]);
      expect(await pair.store.generationEvents(generationId)).toEqual([event]);
    },
  );

  it.each(TEXTS)("survives unchanged in a tool: %s", async (_, text) => {
    const tool = toolRow(fresh("flux"), { displayName: text, provider: text });
    const stored = await pair.store.upsertTool(tool);
    expect(await pair.other.tool(tool.toolId)).toEqual(stored);
    expect(await pair.other.upsertTool(tool)).toEqual(stored);
    expect(stored).toMatchObject(tool);
  });

  // A key is as long as an index takes.
  it.each(TEXTS.slice(0, -1))("is found again as a key: %s", async (_, text) => {
    const key = `${fresh("key")}${text}`;
    const request = requestRow({ caller: text, requestId: key });
    const transaction = transactionRow({ externalReference: key, toolId: text });
    const generation = fullGenerationRow({ runId: key, accountId: key, castId: text });
    const reward = rewardRow(key, { assetId: text });
    const account = accountRow(key);
    await save(pair.store, {
      requests: [request],
      transactions: [transaction],
      openedGenerations: [generation],
      openedAccounts: [account],
      rewards: [reward],
    });
    const loaded = await pair.store.transact(async (open) => ({
      keys: await loadKeys(open, {
        externalReferences: [key],
        generations: [{ generationId: "", runId: key }],
      }),
      requests: (await open.loadRequests([request])).requests,
      accounts: await open.loadAccounts([key]),
    }));
    expect(loaded.accounts).toEqual([account]);
    expect(loaded.requests).toEqual([request]);
    expect(loaded.keys).toMatchObject({
      externalReferences: [{ externalReference: key, transactionId: transaction.transactionId }],
      generations: [generation],
    });
    expect(await pair.store.accounts([key])).toEqual([account]);
    expect(await pair.store.findGenerations({ generationId: "", runId: key })).toEqual([generation]);
    const generations = { accountId: key, states: [], toolId: "", spellId: "", castId: text, ...ALWAYS };
    expect((await pair.store.listGenerations(generations, undefined, 10)).rows).toEqual([generation]);
    const rewards = { accountId: key, assetId: text, role: undefined, ...ALWAYS };
    expect((await pair.store.listRewards(rewards, undefined, 10)).rows).toEqual([reward]);
  });

  it("keeps bytes as they are, also those of a view into a larger buffer", async () => {
    const larger = new Uint8Array(64).map((_, index) => 255 - index);
    const request = requestRow({ fingerprint: larger.subarray(16, 48) });
    await save(pair.store, { requests: [request] });
    const { requests } = await pair.store.transact((transaction) => transaction.loadRequests([request]));
    expect([...(requests[0]?.fingerprint ?? [])]).toEqual([...request.fingerprint]);
  });

  it("may contain NUL on SQLite; on Postgres, whose text can't, it is REFUSED", async () => {
    const transaction = transactionRow({ description: "before\u0000after" });
    const end = save(pair.store, { transactions: [transaction] });
    // Exception of Postgres. The floors above refuse NUL, so that no caller depends on it.
    if (backend === "postgres") return expect(end).rejects.toMatchObject({ name: "StoreError", kind: "REFUSED" });
    await end;
    expect(await pair.store.transaction(transaction.transactionId)).toEqual({ transaction, entries: [] });
  });
});
