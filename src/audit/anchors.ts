import type { Account } from "../domain/ledger/rows.js";
import type { AuditView } from "../storage/audit-store.js";
import { Walker } from "./slices.js";
import { type Finding, finding, type ViolationCollector } from "./violations.js";

/**
 * The head of one account's hash chain at some moment. Kept where whoever can write to the store can't, it shows that no entry up to this one was rewritten since:
 * a history forged with all its hashes has another head.
 */
export interface Anchor {
  /** As stored: a platform account has one for each stripe. */
  readonly accountId: string;
  readonly version: bigint;
  readonly chainHead: Uint8Array;
}

const SLICE_ROWS = 1_000;
/** Anchors looked up in one query. */
const ANCHORS_AT_ONCE = 500;

/** The heads of all accounts, by account_id, a slice at a time. */
export async function* headsOf(view: AuditView): AsyncGenerator<readonly Anchor[]> {
  const walker = new Walker(SLICE_ROWS, () => {});
  yield* walker.slices<Account>("accounts", (last) => view.accountsAfter(last?.accountId ?? "", SLICE_ROWS));
}

/**
 * Checks that each anchored entry is there with its hash.
 * @returns how many anchors there were
 */
export async function compareWithAnchors(
  view: AuditView,
  anchors: AsyncIterable<Anchor>,
  violations: ViolationCollector,
): Promise<number> {
  let compared = 0;
  let slice: Anchor[] = [];
  const compareSlice = async (): Promise<void> => {
    violations.add(await findingsOf(view, slice));
    compared += slice.length;
    slice = [];
  };
  for await (const anchor of anchors) {
    slice.push(anchor);
    if (slice.length === ANCHORS_AT_ONCE) await compareSlice();
  }
  await compareSlice();
  return compared;
}

async function findingsOf(view: AuditView, anchors: readonly Anchor[]): Promise<Finding[]> {
  const keys = anchors.map(({ accountId, version }) => ({ accountId, accountVersion: version }));
  const entries = await view.entryHashes(keys);
  const hashes = new Map(entries.map((entry) => [nameOf(entry.accountId, entry.accountVersion), entry.hash]));
  return anchors.flatMap(({ accountId, version, chainHead }) => {
    const row = nameOf(accountId, version);
    const hash = hashes.get(row);
    if (!hash) return [finding("anchor-still-stands", row, "is anchored and gone")];
    if (Buffer.compare(hash, chainHead) === 0) return [];
    return [finding("anchor-still-stands", row, "it or an entry before it was rewritten: it has another hash")];
  });
}

function nameOf(accountId: string, version: bigint): string {
  return `account ${accountId} entry ${version}`;
}
