import { expect, it } from "vitest";
import { checkGeneration } from "../../src/audit/generation-checks.js";
import { checkSettlement } from "../../src/audit/settlement-checks.js";
import { checkTransaction } from "../../src/audit/transaction-checks.js";
import type { AuditView, StretchedTable } from "../../src/storage/audit-store.js";
import { describeStores } from "../support/stores.js";
import type { History } from "./history.js";
import { writtenHistory } from "./written-history.js";

/** Of the rows of one table that the history names, what makes each odd. */
type Oddity = readonly [what: string, sql: (history: History) => string];

const MIN_INT8 = "-9223372036854775808";
const MAX_INT8 = "9223372036854775807";

const ofSettlement = (change: string) => (history: History) =>
  `update transactions set ${change} where transaction_id = '${history.settlement}'`;
const ofEntry = (change: string, position: number) => (history: History) =>
  `update entries set ${change} where transaction_id = '${history.settlement}' and position = ${position}`;
const ofReward = (change: string, position: number) => (history: History) =>
  `update rewards set ${change} where transaction_id = '${history.settlement}' and position = ${position}`;
const ofGeneration = (change: string) => (history: History) =>
  `update generations set ${change} where generation_id = '${history.settled}'`;

const ODD_SETTLEMENTS: readonly Oddity[] = [
  ["another type", ofSettlement("type = 'TRANSFER'")],
  ["the type of a plain debit, and rewards", ofSettlement("type = 'DEBIT'")],
  ["something that it gives money back of", ofSettlement("refund_of_transaction_id = transaction_id")],
  ["something that was given back of it", ofSettlement("refunded_usd_micros = 1")],
  [
    "a refund that names it",
    ({ settlement, halfRefund }) =>
      `update transactions set refund_of_transaction_id = '${settlement}' where transaction_id = '${halfRefund}'`,
  ],
  ["a description", ofSettlement("description = 'x'")],
  ["labels", ofSettlement(`metadata = '{"a":"b"}'`)],
  ["labels that can't be read", ofSettlement("metadata = '{'")],
  ["another generation", (history) => ofSettlement(`generation_id = '${history.failed}'`)(history)],
  ["a generation whose name is no UUID", ofSettlement("generation_id = '------------------------------------'")],
  ["another policy", ofSettlement("reward_policy_id = 'adr_012'")],
  ["no entries", ({ settlement }) => `delete from entries where transaction_id = '${settlement}'`],
  ["one entry less", ({ settlement }) => `delete from entries where transaction_id = '${settlement}' and position = 1`],
  ["entries that don't sum to zero", ofEntry("amount_usd_micros = amount_usd_micros - 1", 0)],
  ["an entry of nothing", ofEntry("amount_usd_micros = 0", 2)],
  ["an entry of as little as there is", ofEntry(`amount_usd_micros = ${MIN_INT8}`, 0)],
  ["an entry of as much as there is", ofEntry(`amount_usd_micros = ${MAX_INT8}`, 1)],
  ["two who pay", ofEntry("amount_usd_micros = -amount_usd_micros", 2)],
  ["a payer that is the platform's", ofEntry("account_id = 'sys:deposits#01', account_version = 99", 0)],
  ["revenue of an account that only looks like it", ofEntry("account_id = 'sys:revenues'", 1)],
  ["a creator that is the platform's", ofEntry("account_id = 'sys:breakage#01', account_version = 99", 2)],
  ["a creator who isn't rewarded", ofEntry("account_id = 'mallory'", 2)],
  ["a creator who gets it twice", ofEntry("account_id = 'dave', account_version = 99", 4)],
  [
    "one reward less",
    ({ settlement }) => `delete from rewards where transaction_id = '${settlement}' and position = 1`,
  ],
  ["no rewards", ({ settlement }) => `delete from rewards where transaction_id = '${settlement}'`],
  ["a reward of another amount", ofReward("amount_usd_micros = amount_usd_micros + 1", 0)],
  ["a reward of as little as there is", ofReward(`amount_usd_micros = ${MIN_INT8}`, 0)],
  ["a reward of as much as there is", ofReward(`amount_usd_micros = ${MAX_INT8}`, 0)],
  ["a reward of somebody else", ofReward("account_id = 'mallory'", 0)],
  ["a reward for another generation", (history) => ofReward(`generation_id = '${history.free}'`, 2)(history)],
  ["a reward that was given back", ofReward("refunded_usd_micros = 1", 1)],
  ["a reward that was clawed back", ofReward("clawed_back_usd_micros = 1", 1)],
  ["a generation that is gone", ({ settled }) => `delete from generations where generation_id = '${settled}'`],
  ["a generation that isn't completed", ofGeneration("state = 'FAILED'")],
  ["a generation that names another settlement", ofGeneration("transaction_id = generation_id")],
  ["a generation that names none", ofGeneration("transaction_id = null")],
  ["a generation that charges another", ofGeneration("charged_account_id = 'bob'")],
  ["a generation of another base", ofGeneration("base_cost_usd_micros = base_cost_usd_micros + 1")],
  ["a generation without a base", ofGeneration("base_cost_usd_micros = null")],
  ["a generation of another fee", ofGeneration("fee_usd_micros = fee_usd_micros - 1")],
  [
    "a generation of another policy",
    ofGeneration(`reward_policy = replace(reward_policy, '"policyId":"adr-012"', '"policyId":"adr-013"')`),
  ],
  [
    "a generation whose policy is named twice",
    ofGeneration(`reward_policy = replace(reward_policy, '}', ',"policyId":"adr-013"}')`),
  ],
];

const ODD_GENERATIONS: readonly Oddity[] = [
  ["no settlement", ({ settlement }) => `delete from transactions where transaction_id = '${settlement}'`],
  ["a settlement that is none", ofSettlement("type = 'DEBIT'")],
  ["a settlement that names another generation", ofSettlement("generation_id = 'x'")],
  ["another settlement than it names", ofGeneration("transaction_id = generation_id")],
  ["none that it names", ofGeneration("transaction_id = null")],
  ["a state before its end", ofGeneration("state = 'RUNNING'")],
  ["a price of nothing", ofGeneration("pricing_unit = 'FREE'")],
];

describeStores("what an audit needn't read", (makeDatabase) => {
  const written = writtenHistory(makeDatabase);

  const view = <T>(work: (view: AuditView) => Promise<T>): Promise<T> => written.store.snapshot(work);
  const oddOf = (table: StretchedTable): Promise<string[]> => view((open) => oddIn(open, table));

  it("is charges and settlements as nearly all are", async () => {
    const { settlement, debit, capture, halfBack, paidDebit, deposit, halfRefund, transfer, legacyImport } =
      written.history;
    await written.database.tamper(
      "update transactions set description = '', metadata = '{}', details_digest = (select details_digest from transactions where description = '' and metadata = '{}' limit 1) where type <> 'CREDIT'",
    );
    const odd = new Set(await oddOf("transactions"));
    expect([settlement, debit, capture].filter((id) => odd.has(id))).toEqual([]);
    expect([halfBack, paidDebit, deposit, halfRefund, transfer, legacyImport].filter((id) => !odd.has(id))).toEqual([]);
  });

  it("is generations that are completed and settled", async () => {
    const { settled, retried, free, pending, failed, paymentFailed } = written.history;
    const odd = new Set(await oddOf("generations"));
    expect([settled, retried].filter((id) => odd.has(id))).toEqual([]);
    expect([free, pending, failed, paymentFailed].filter((id) => !odd.has(id))).toEqual([]);
  });

  it.each(ODD_SETTLEMENTS)("isn't a settlement with %s", async (_, sql) => {
    expect(await oddOf("transactions")).not.toContain(written.history.settlement);
    await written.database.tamper(sql(written.history));
    expect(await oddOf("transactions")).toContain(written.history.settlement);
  });

  it("isn't a debit with a reward", async () => {
    const { debit, settlement } = written.history;
    await written.database.tamper(
      `update rewards set transaction_id = '${debit}' where transaction_id = '${settlement}' and position = 0`,
    );
    expect(await oddOf("transactions")).toContain(debit);
  });

  it("isn't a transaction whose digest is of something else", async () => {
    const { debit, deposit } = written.history;
    await written.database.tamper(
      `update transactions set details_digest = (select d.details_digest from transactions d where d.transaction_id = '${deposit}') where transaction_id = '${debit}'`,
    );
    expect(await oddOf("transactions")).toContain(debit);
  });

  it.each(ODD_GENERATIONS)("isn't a generation with %s", async (_, sql) => {
    expect(await oddOf("generations")).not.toContain(written.history.settled);
    await written.database.tamper(sql(written.history));
    expect(await oddOf("generations")).toContain(written.history.settled);
  });

  it("is nothing that a check would find fault with, whichever column of whichever row is wrong", async () => {
    await written.database.tamper("update entries set amount_usd_micros = amount_usd_micros + 1");
    await written.database.tamper("update generations set transaction_id = null where fee_usd_micros > 0");
    const { transactions, generations } = await view(faultyIn);
    expect(transactions.length).toBeGreaterThan(20);
    expect(generations.length).toBeGreaterThan(1);
    expect(await oddOf("transactions")).toEqual(expect.arrayContaining(transactions));
    expect(await oddOf("generations")).toEqual(expect.arrayContaining(generations));
  });

  it("is looked at in stretches, which together are all rows in their order", async () => {
    const { transactions } = await view((open) => open.counts());
    const all = await view((open) => open.transactionsToCheckAfter("", 1_000));
    const stretches = await view(async (open) => {
      const found = [];
      for (let stretch = await open.stretchAfter("transactions", "", 4); stretch; ) {
        found.push(stretch);
        stretch = await open.stretchAfter("transactions", stretch.upTo, 4);
      }
      return found;
    });
    const ends = all.map(({ transaction }) => transaction.transactionId).filter((_, index) => index % 4 === 3);
    expect(stretches.slice(0, ends.length).map(({ upTo }) => upTo)).toEqual(ends);
    expect(stretches.reduce((sum, { rows }) => sum + rows, 0)).toBe(transactions);
  });

  it("isn't a transaction whose request is recorded as another's, or not at all", async () => {
    const { deposit, promotion } = written.history;
    expect(await view((open) => open.unrecordedAfter("", 100))).toEqual([]);
    await written.database.tamper(`update requests set resource_id = '${deposit}' where resource_id = '${promotion}'`);
    await written.database.tamper(`delete from requests where request_id = 'deposit-of-alice'`);
    const [first = "", second = ""] = [deposit, promotion].sort();
    expect(await view((open) => open.unrecordedAfter("", 100))).toEqual([first, second]);
    expect(await view((open) => open.unrecordedAfter(first, 100))).toEqual([second]);
    expect(await view((open) => open.unrecordedAfter("", 1))).toEqual([first]);
  });
});

/** In stretches of seven rows, so that there are several. */
async function oddIn(view: AuditView, table: StretchedTable): Promise<string[]> {
  const odd: string[] = [];
  for (let stretch = await view.stretchAfter(table, "", 7); stretch; ) {
    odd.push(...(await view.oddRows(table, stretch)));
    stretch = await view.stretchAfter(table, stretch.upTo, 7);
  }
  return odd;
}

/** Ids of what the audit's own checks find fault with, read one and all. */
async function faultyIn(view: AuditView) {
  const transactions = await view.transactionsToCheckAfter("", 1_000);
  const generations = await view.generationsToCheckAfter("", 1_000);
  const settlements = await view.settlementsOf(generations.map(({ generationId }) => generationId));
  const settlementsOf = (id: string) =>
    settlements.filter(([named]) => named === id).map(([, settlement]) => settlement);
  return {
    transactions: transactions
      .filter((audited) => [...checkTransaction(audited), ...checkSettlement(audited)].length > 0)
      .map(({ transaction }) => transaction.transactionId),
    generations: generations
      .filter((generation) => [...checkGeneration(generation, settlementsOf(generation.generationId))].length > 0)
      .map(({ generationId }) => generationId),
  };
}
