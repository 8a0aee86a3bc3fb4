import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { post, registerTool } from "./support.js";

/** Well-formed text that something on the way might change, end at, run or trip over. */
const ODD_TEXTS: Readonly<Record<string, string>> = {
  SQL: "'; drop table accounts; -- \\'; select 1; /* */ $1 ? :name",
  "shell and page": "$(reboot) `id` <script>alert(1)</script> &amp; {{7*7}} %s%n%x %00",
  "a log line": 'x\n{"level":"error","msg":"forged"}\r\n\u001b[31mred',
  "white space": "  \t leading, trailing \n\n",
  controls: "\u0001\u0002\b\u001f\u007f\u0085",
  "line separators": "a\u2028b\u2029c",
  directions: "\u202eright to left\u202c \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
  "astral characters": "😀👩‍👩‍👧‍👦🏳️‍🌈 𝒳",
  composed: "\u00e9",
  decomposed: "e\u0301",
  "not characters": "\uffff\ufdd0\u{10ffff}",
  "a mark inside": "a\ufeffb",
  backslashes: "\\ \\\\ \\u0000 \\x00 \\n",
  "words of JavaScript": "__proto__ constructor undefined null NaN [object Object]",
  JSON: '{"__proto__":{"polluted":true}}',
  "a number": "00123e5",
};

/** Label keys that mean something to JavaScript or to SQL. */
const LOADED_KEYS = ["constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "then", "1", "01", "select"];

describe.each(["sqlite", "postgres"] as const)("well-formed odd text on %s", (backend) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startTestApp(backend);
    await registerTool(test);
    await test.economy.credit({ requestId: "c", accountId: "alice", amountUsdMicros: 1_000_000n, source: 1 });
  });
  afterAll(() => test.stop());

  it.each(Object.entries(ODD_TEXTS))("is kept as it is: %s", async (name, text) => {
    const metadata = { [text.slice(0, 64)]: text, label: text };
    const request = {
      requestId: `debit ${name}`,
      accountId: "alice",
      amountUsdMicros: 1n,
      description: text,
      metadata,
    };
    const debited = await test.economy.debit(request);
    const transactionId = debited.transaction?.transactionId ?? "";
    const { transaction } = await test.economy.getTransaction({ transactionId });
    expect(transaction).toMatchObject({ description: text, metadata });
    expect(await test.economy.debit(request)).toEqual(debited);

    const { text: json } = await post(test.app.httpUrl, "GetTransaction", JSON.stringify({ transactionId }));
    expect(JSON.parse(json).transaction).toMatchObject({ description: text, metadata });

    const notification = { platform: "web", target: text };
    const created = await test.generations.createGeneration({
      requestId: `create ${name}`,
      accountId: "alice",
      toolId: "flux",
      notification,
      metadata,
    });
    const generationId = created.generation?.generationId ?? "";
    const output = { url: "https://cdn.example/a", filename: text, nodeId: text, text };
    await test.generations.reportProgress({ generationId, liveStatus: text });
    const end = { generationId, outcome: Outcome.SUCCEEDED, errorMessage: text, outputs: [output] };
    await test.generations.completeGeneration(end);
    const { generation } = await test.generations.getGeneration({ generationId });
    expect(generation).toMatchObject({
      notification,
      metadata,
      liveStatus: text,
      errorMessage: text,
      outputs: [output],
    });

    const pricing = { unit: PricingUnit.FREE };
    await test.generations.upsertTool({ tool: { toolId: "odd", displayName: text, pricing } });
    expect((await test.generations.getTool({ toolId: "odd" })).tool?.displayName).toBe(text);
  });

  it("may be as long as each field allows, counted in characters", async () => {
    const metadata = { ["😀".repeat(64)]: "😀".repeat(500) };
    const description = "😀".repeat(500);
    const request = { requestId: "long", accountId: "alice", amountUsdMicros: 1n, description, metadata };
    const { transaction } = await test.economy.debit(request);
    const kept = await test.economy.getTransaction({ transactionId: transaction?.transactionId ?? "" });
    expect(kept.transaction).toMatchObject({ description, metadata });
  });

  it("may be the key of a label, whatever that means to a language, and pollutes nothing", async () => {
    const metadata = Object.fromEntries(LOADED_KEYS.map((key) => [key, `value of ${key}`]));
    const json = JSON.stringify({
      requestId: "loaded",
      accountId: "alice",
      amountUsdMicros: 1,
      // By hand, because a literal would set the prototype.
      metadata: { ...metadata, ...JSON.parse('{"__proto__":"value of __proto__"}') },
    });
    const answer = JSON.parse((await post(test.app.httpUrl, "Debit", json)).text);
    const { transaction } = await test.economy.getTransaction({ transactionId: answer.transaction.transactionId });
    expect(transaction?.metadata).toMatchObject(metadata);
    expect(answer.transaction.metadata).toMatchObject(metadata);
    expect(Object.getPrototypeOf(transaction?.metadata)).toBe(Object.prototype);
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain("value of __proto__");
  });

  it.each(["__proto__", "constructor", "toString", "-", ".", ":", "x402:0xAbC"])(
    "may name an account: %s",
    async (accountId) => {
      const missing = await test.economy.batchGetBalances({ accountIds: [accountId, "alice"] });
      expect(missing.missingAccountIds).toEqual([accountId]);
      const source = CreditSource.DEPOSIT;
      await test.economy.credit({ requestId: `open ${accountId}`, accountId, amountUsdMicros: 7n, source });
      await test.economy.debit({ requestId: `use ${accountId}`, accountId, amountUsdMicros: 3n });
      const { balance } = await test.economy.getBalance({ accountId });
      expect(balance).toMatchObject({ accountId, balanceUsdMicros: 4n, version: 2n });
      const { transactions } = await test.economy.listTransactions({ accountId });
      expect(transactions.map((each) => each.entries[0]?.amountUsdMicros)).toEqual([-3n, 7n]);
    },
  );
});
