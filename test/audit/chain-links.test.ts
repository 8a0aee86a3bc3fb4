import { v7 as uuidv7 } from "uuid";
import { expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { CHAIN_START } from "../../src/domain/ledger/chain.js";
import { LedgerWriter } from "../../src/ledger/writer.js";
import type { AuditView, ChainLink, ChainPlace } from "../../src/storage/audit-store.js";
import { creditOf, debitOf } from "../support/commands.js";
import { describeStores } from "../support/stores.js";
import type { History } from "./history.js";
import { writtenHistory } from "./written-history.js";

const START: ChainPlace = { accountId: "", accountVersion: 0n, hash: CHAIN_START };

const ofEntry = (change: string) => () =>
  `update entries set ${change} where account_id = 'alice' and account_version = 4`;
const ofTransaction = (change: string) => (history: History) =>
  `update transactions set ${change} where transaction_id = '${history.settlement}'`;

/** Of the fourth entry of alice, that of a settlement. */
const CHANGES: readonly (readonly [what: string, sql: (history: History) => string])[] = [
  ["amount", ofEntry("amount_usd_micros = amount_usd_micros + 1")],
  ["balance", ofEntry("balance_after_usd_micros = balance_after_usd_micros + 1")],
  ["position", ofEntry("position = 9")],
  ["movements", ofEntry("grant_movements = '[]'")],
  ["movements' grant", ofEntry("grant_movements = replace(grant_movements, '-', '_')")],
  ["movements' amount", ofEntry(`grant_movements = replace(grant_movements, '"]]', '0"]]')`)],
  ["movements, so that they can't be read", ofEntry("grant_movements = '{'")],
  [
    "hash",
    ofEntry(
      "hash = (select other.hash from entries other where other.account_id = 'bob' and other.account_version = 1)",
    ),
  ],
  ["transaction", ({ debit }) => ofEntry(`transaction_id = '${debit}', position = 9`)()],
  [
    "transaction, which is gone,",
    ({ settlement }) => `delete from transactions where transaction_id = '${settlement}'`,
  ],
  ["transaction's type", ofTransaction("type = 'DEBIT'")],
  ["transaction's tool", ofTransaction("tool_id = 'x'")],
  ["transaction's generation", ofTransaction("generation_id = 'x'")],
  ["transaction's external reference", ofTransaction("external_reference = 'x'")],
  ["transaction's refunded transaction", ofTransaction("refund_of_transaction_id = transaction_id")],
  ["transaction's policy", ofTransaction("reward_policy_id = 'x'")],
  ["transaction's missing policy", ofTransaction("reward_policy_id = ''")],
  ["transaction's caller", ofTransaction("caller = 'x'")],
  ["transaction's request", ofTransaction("request_id = 'x'")],
  ["transaction's time", ofTransaction("create_time = create_time + 1")],
  [
    "transaction's digest",
    ({ deposit, settlement }) =>
      `update transactions set details_digest = (select d.details_digest from transactions d where d.transaction_id = '${deposit}')
       where transaction_id = '${settlement}'`,
  ],
  ["transaction's texts, one grown at the cost of the next,", ofTransaction("tool_id = tool_id || '1', caller = ''")],
];

describeStores("a link of a chain", (makeDatabase) => {
  const written = writtenHistory(makeDatabase);
  const view = <T>(work: (view: AuditView) => Promise<T>): Promise<T> => written.store.snapshot(work);
  const fourthOfAlice = async (): Promise<ChainLink | undefined> =>
    (await view((open) => linksIn(open, 1_000))).find(
      ({ accountId, accountVersion }) => accountId === "alice" && accountVersion === 4n,
    );

  it("is seen to be right and says of its entry what a walk needs, in slices of any size", async () => {
    const entries = await view((open) => open.allEntriesAfter(START, 1_000));
    const expected = entries.map(([entry, transaction]) => ({
      ...{ accountId: entry.accountId, accountVersion: entry.accountVersion, hash: Buffer.from(entry.hash) },
      ...{ amount: entry.amountUsdMicros, balance: entry.balanceAfterUsdMicros, movements: entry.grantMovements },
      ...{ transactionId: entry.transactionId, type: transaction?.type, createTime: transaction?.createTime },
    }));
    expect(expected.some(({ movements }) => movements.length > 1)).toBe(true);
    for (const sliceRows of [1, 7, 1_000]) {
      const links = await view((open) => linksIn(open, sliceRows));
      expect(links.map(saidBy)).toEqual(expected);
    }
  });

  it.each(CHANGES)("isn't seen to be right with another %s", async (_, sql) => {
    expect((await fourthOfAlice())?.isSeen).toBe(true);
    await written.database.tamper(sql(written.history));
    const link = await fourthOfAlice().catch((error: unknown) => String(error));
    // A backend may find out that a row can't be read by trying to.
    if (typeof link === "string") expect(link).toContain(`${written.history.settlement}, position 0 is unreadable`);
    else expect(link?.isSeen ?? false).toBe(false);
  });

  it("isn't seen to be right behind an entry with another hash, and neither is that", async () => {
    await written.database.tamper(
      "update entries set hash = (select hash from entries where account_id = 'bob' and account_version = 1) where account_id = 'alice' and account_version = 3",
    );
    const links = await view((open) => linksIn(open, 2));
    const unseen = links
      .filter(({ isSeen }) => !isSeen)
      .map(({ accountId, accountVersion }) => [accountId, accountVersion]);
    expect(unseen).toEqual([
      ["alice", 3n],
      ["alice", 4n],
    ]);
  });

  it("may be of any texts: what isn't seen to be right is looked at whole, and found right", async () => {
    const { database, store } = written;
    const writer = new LedgerWriter(store);
    for (const text of ["Größe", "\u{1F600}5:local", "a\tb\nc", "\\N", "\\\\x00"]) {
      const transactionId = uuidv7();
      await writer.submit(creditOf({ accountId: "ann", amountUsdMicros: 10n, transactionId, externalReference: text }));
      await writer.submit(
        debitOf({ accountId: "ann", amountUsdMicros: 3n, description: text, metadata: { [text]: text } }),
      );
    }
    await writer.close();
    // The same movements, otherwise written.
    await database.tamper(`update entries set grant_movements = replace(grant_movements, '","', '" , "')`);
    for (const sliceRows of [2, 1_000]) expect((await auditLedger(store, { sliceRows })).violations).toEqual([]);
    await database.tamper("update transactions set external_reference = 'Grösse' where external_reference = 'Größe'");
    const { violations } = await auditLedger(store, { sliceRows: 2 });
    expect(violations).toMatchObject([{ invariant: "entry-hash", row: "account ann entry 1", count: 2 }]);
  });
});

async function linksIn(view: AuditView, sliceRows: number): Promise<ChainLink[]> {
  const links: ChainLink[] = [];
  for (;;) {
    const slice = await view.chainLinksAfter(links.at(-1) ?? START, sliceRows);
    links.push(...slice);
    if (slice.length < sliceRows) return links;
  }
}

function saidBy(link: ChainLink) {
  const key = { accountId: link.accountId, accountVersion: link.accountVersion, hash: Buffer.from(link.hash) };
  if (!link.isSeen) return key;
  return {
    ...key,
    ...{ amount: link.amountUsdMicros, balance: link.balanceAfterUsdMicros, movements: link.grantMovements },
    ...{ transactionId: link.transactionId, type: link.type, createTime: link.createTime },
  };
}
