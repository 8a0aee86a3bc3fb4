import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditSource, TransactionType } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { Outcome, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { RewardRole } from "../../src/gen/stationthis/rewards/v1/rewards_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { refusalOf, registerTool } from "./support.js";

/** More than the largest page. */
const ROWS = 510;
const LORAS = 85;
const LISTS = ["ListTools", "ListTransactions", "ListGenerations", "ListRewards", "ListAssetUsage"];

interface PageRequest {
  pageSize?: number;
  pageToken?: string;
}

interface Page {
  /** Names of the rows, unique. */
  readonly rows: readonly string[];
  readonly next: string;
}

type List = (request: PageRequest) => Promise<Page>;

/** One way to list, with a filter that takes in all its rows and one that takes in others. */
interface Listing {
  readonly list: List;
  readonly others: List;
  /** Adds a row that the list would begin with. */
  readonly add: (name: string) => Promise<unknown>;
}

describe.each(["sqlite", "postgres"] as const)("pages on %s", (backend) => {
  let test: TestApp;
  let listings: Record<string, Listing>;
  beforeAll(async () => {
    test = await startTestApp(backend);
    listings = listingsOf(test);
    await registerTool(test);
    await credit(test, "payer", "payer", 1_000_000_000n);
    const each = Array.from({ length: ROWS - 1 }, (_, index) => String(index).padStart(4, "0"));
    await Promise.all(each.map((name) => registerTool(test, `tool-${name}`)));
    await Promise.all(each.map((name) => credit(test, `credit-${name}`, "walker")));
    await credit(test, "credit-last", "walker");
    await Promise.all(each.map((name) => create(test, `generation-${name}`)));
    await create(test, "generation-last");
    for (let index = 0; index * LORAS < ROWS; index++) await reward(test, `reward-${index}`);
    for (let index = 0; index * LORAS < ROWS; index++) await reward(test, `asset-${index}`, "inventor");
  });
  afterAll(() => test.stop());

  describe.each(LISTS)("of %s", (name) => {
    const list: List = (request) => (listings[name] as Listing).list(request);

    it("show everything once, in the same order whatever their size", async () => {
      const whole = await walk(list, 500);
      expect(whole.length).toBe(ROWS);
      expect(new Set(whole).size).toBe(ROWS);
      expect(await walk(list, 101)).toEqual(whole);
      // Exactly to the end, where no token is left over.
      expect(await walk(list, ROWS / 2)).toEqual(whole);
      const { next } = await list({ pageSize: ROWS / 2 });
      expect((await list({ pageSize: ROWS / 2, pageToken: next })).next).toBe("");
    });

    it("may change their size on the way", async () => {
      const whole = await walk(list, 500);
      const first = await list({ pageSize: 3 });
      const second = await list({ pageSize: 5, pageToken: first.next });
      expect([...first.rows, ...second.rows]).toEqual(whole.slice(0, 8));
    });

    it("show what was there once, and nothing twice, while rows are added", async () => {
      const before = await walk(list, 500);
      let added = 0;
      const seen = await walk(list, 60, () => (listings[name] as Listing).add(`${name}-${added++}`));
      expect(added).toBeGreaterThan(5);
      expect(seen).toEqual(before);
      // The new rows are there for whoever begins anew.
      const after = await walk(list, 500);
      expect(after.length).toBeGreaterThan(before.length);
      expect(after.slice(-before.length)).toEqual(before);
    });

    // Sizes and tokens are the same code whatever is underneath.
    if (backend === "sqlite") describeTokens(name, () => listings);
  });

  it("of ListTransactions, ListGenerations and ListRewards are newest first", async () => {
    const transactions = await test.economy.listTransactions({ accountId: "walker", pageSize: 500 });
    const versions = transactions.transactions.map(({ entries }) => Number(entries[0]?.accountVersion));
    expect(versions).toEqual(Array.from(versions, (_, index) => (versions[0] as number) - index));
    const generations = await test.generations.listGenerations({ accountId: "maker", pageSize: 500 });
    const rewards = await test.rewards.listRewards({ accountId: "creator", pageSize: 500 });
    for (const rows of [transactions.transactions, generations.generations, rewards.rewards]) {
      const times = rows.map(({ createTime }) => Number(micros(createTime)));
      expect(new Set(times).size).toBeGreaterThan(1);
      expect(times).toEqual([...times].sort((a, b) => b - a));
    }
  });

  it("of ListTools are by tool_id", async () => {
    const { rows } = await (listings.ListTools as Listing).list({ pageSize: 500 });
    expect(rows).toEqual([...rows].sort());
  });

  it("of a platform account show the transactions of all its stripes once, newest first", async () => {
    const listed = async (request: PageRequest) => {
      const answer = await test.economy.listTransactions({ accountId: "sys:deposits", ...request });
      return { rows: answer.transactions.map((each) => each.requestId), next: answer.nextPageToken };
    };
    let added = 0;
    const seen = await walk(listed, 70, () => credit(test, `stripes-${added++}`, "other"));
    expect(new Set(seen).size).toBe(seen.length);
    const walkers = seen.filter((requestId) => requestId.startsWith("credit-"));
    expect(walkers).toHaveLength(ROWS);
    expect(walkers[0]).toBe("credit-last");
    expect(seen.at(-1)).toBe("payer");
  });

  it("of a rare filter may be short, but lead to the one row that there is", async () => {
    await credit(test, "rare-0", "rare");
    const { transaction } = await test.economy.debit({ requestId: "rare", accountId: "rare", amountUsdMicros: 1n });
    // In several batches: what is written together has one time.
    for (let index = 1; index <= 60; index += 4) {
      await Promise.all([0, 1, 2, 3].map((more) => credit(test, `rare-${index + more}`, "rare")));
    }
    const sizes: number[] = [];
    const rare: List = async (request) => {
      const answer = await test.economy.listTransactions({
        accountId: "rare",
        types: [TransactionType.DEBIT],
        ...request,
      });
      sizes.push(answer.transactions.length);
      return { rows: answer.transactions.map((each) => each.transactionId), next: answer.nextPageToken };
    };
    expect(await walk(rare, 1)).toEqual([transaction?.transactionId]);
    expect(sizes.length).toBeGreaterThan(2);
    expect(sizes[0]).toBe(0);
  });

  it("keep to a time range on every page", async () => {
    const { transactions } = await test.economy.listTransactions({ accountId: "rare", pageSize: 500 });
    const [endTime, startTime] = [transactions[10]?.createTime, transactions.at(-10)?.createTime];
    if (!startTime || !endTime) throw new Error("there are not enough transactions");
    const ranged: List = async (request) => {
      const answer = await test.economy.listTransactions({ accountId: "rare", startTime, endTime, ...request });
      return { rows: answer.transactions.map((each) => each.transactionId), next: answer.nextPageToken };
    };
    const isIn = (time: Timestamp | undefined) => micros(time) >= micros(startTime) && micros(time) < micros(endTime);
    const expected = transactions.filter(({ createTime }) => isIn(createTime)).map((each) => each.transactionId);
    expect(expected.length).toBeGreaterThan(0);
    expect(await walk(ranged, 7)).toEqual(expected);
  });
});

/** What holds for one list's sizes and tokens. */
function describeTokens(name: string, listings: () => Record<string, Listing>): void {
  const listing = (other: string) => listings()[other] as Listing;
  const list: List = (request) => listing(name).list(request);

  it.each([
    [0, 50],
    [1, 1],
    [500, 500],
    [501, 500],
    [600, 500],
    [2_147_483_647, 500],
  ])("with page_size %d have %d rows", async (pageSize, length) => {
    const page = await list({ pageSize });
    expect(page.rows).toHaveLength(length);
    expect(page.next).not.toBe("");
  });

  it.each([-1, -2_147_483_648])("with page_size %d are refused", async (pageSize) => {
    const refusal = await refusalOf(list({ pageSize }));
    expect(refusal).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELDS" });
    expect(refusal.violations.map((violation) => violation.field)).toEqual(["page_size"]);
  });

  it("have tokens that work for no other filter", async () => {
    const { next } = await list({ pageSize: 2 });
    await expectRefusedToken(listing(name).others({ pageSize: 2, pageToken: next }));
  });

  it("have tokens that work for no other list", async () => {
    const { next } = await list({ pageSize: 2 });
    for (const other of LISTS.filter((each) => each !== name)) {
      await expectRefusedToken(listing(other).list({ pageToken: next }));
    }
  });

  it("have tokens that can't be changed", async () => {
    const { next } = await list({ pageSize: 2 });
    const bytes = Buffer.from(next, "base64url");
    for (let index = 0; index < bytes.length; index += 3) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(bytes.readUInt8(index) ^ 1, index);
      await expectRefusedToken(list({ pageToken: changed.toString("base64url") }));
    }
  });

  it.each([
    ["garbage", "garbage"],
    ["not base64", "\u00e9\u0000!"],
    ["its MAC alone", "A".repeat(22)],
    ["a plain position", Buffer.from('["tool-0001"]').toString("base64url")],
    ["SQL", "' or 1=1 --"],
    ["a long token", "A".repeat(4_096)],
    ["a longer one", "A".repeat(5_000)],
  ])("have tokens that can't be made up: %s", async (_, pageToken) => {
    await expectRefusedToken(list({ pageToken }));
  });
}

function micros(time: Timestamp | undefined): bigint {
  return time ? time.seconds * 1_000_000n + BigInt(time.nanos / 1_000) : 0n;
}

/** Names of all rows, page by page. @param between runs after each page but the last */
async function walk(list: List, pageSize: number, between?: () => Promise<unknown>): Promise<string[]> {
  const seen: string[] = [];
  let pageToken = "";
  for (let pages = 0; pages < 2_000; pages++) {
    const { rows, next } = await list({ pageSize, pageToken });
    seen.push(...rows);
    if (next === "") return seen;
    await between?.();
    pageToken = next;
  }
  throw new Error("the pages have no end");
}

async function expectRefusedToken(call: Promise<unknown>): Promise<void> {
  const refusal = await refusalOf(call);
  expect(refusal).toMatchObject({ code: "InvalidArgument", reason: "INVALID_FIELDS" });
  expect(refusal.violations.map((violation) => violation.field)).toEqual(["page_token"]);
}

function listingsOf(test: TestApp): Record<string, Listing> {
  const transactions =
    (filter: object): List =>
    async (request) => {
      const answer = await test.economy.listTransactions({ accountId: "walker", ...filter, ...request });
      return { rows: answer.transactions.map((each) => each.transactionId), next: answer.nextPageToken };
    };
  const generations =
    (filter: object): List =>
    async (request) => {
      const answer = await test.generations.listGenerations({ accountId: "maker", ...filter, ...request });
      return { rows: answer.generations.map((each) => each.generationId), next: answer.nextPageToken };
    };
  const rewards =
    (filter: object): List =>
    async (request) => {
      const answer = await test.rewards.listRewards({ accountId: "creator", ...filter, ...request });
      return { rows: answer.rewards.map((each) => each.rewardId), next: answer.nextPageToken };
    };
  const assets =
    (accountId: string): List =>
    async (request) => {
      const answer = await test.rewards.listAssetUsage({ accountId, ...request });
      return { rows: answer.assetUsages.map((each) => each.assetId), next: answer.nextPageToken };
    };
  const tools: List = async (request) => {
    const answer = await test.generations.listTools(request);
    return { rows: answer.tools.map((each) => each.toolId), next: answer.nextPageToken };
  };
  return {
    // It has no filter: the nearest thing is another list.
    ListTools: { list: tools, others: generations({}), add: (name) => registerTool(test, `a-${name}`) },
    ListTransactions: {
      list: transactions({}),
      others: transactions({ types: [TransactionType.CREDIT] }),
      add: (name) => credit(test, name, "walker"),
    },
    ListGenerations: {
      list: generations({}),
      others: generations({ toolId: "flux" }),
      add: (name) => create(test, name),
    },
    ListRewards: {
      list: rewards({}),
      others: rewards({ role: RewardRole.LORA_OWNER }),
      add: (name) => reward(test, name),
    },
    ListAssetUsage: {
      list: assets("inventor"),
      others: assets("creator"),
      add: (name) => reward(test, `a-${name}`, "inventor"),
    },
  };
}

async function credit(test: TestApp, requestId: string, accountId: string, amountUsdMicros = 1n): Promise<void> {
  await test.economy.credit({ requestId, accountId, amountUsdMicros, source: CreditSource.DEPOSIT });
}

async function create(test: TestApp, requestId: string): Promise<void> {
  await test.generations.createGeneration({ requestId, accountId: "maker", toolId: "flux" });
}

/** Settles a generation that uses many LoRAs of one creator, of the inventor's others each time. */
async function reward(test: TestApp, requestId: string, ownerAccountId = "creator"): Promise<void> {
  const name = ownerAccountId === "creator" ? "lora" : requestId;
  const loras = Array.from({ length: LORAS }, (_, index) => ({ loraId: `${name}-${index}`, ownerAccountId }));
  const { generation } = await test.generations.createGeneration({
    requestId,
    accountId: "payer",
    toolId: "flux",
    attribution: { loras },
    pricing: { unit: PricingUnit.RUN, rateUsd: "1" },
  });
  await test.generations.completeGeneration({
    generationId: generation?.generationId ?? "",
    outcome: Outcome.SUCCEEDED,
  });
}
