import { isPlatformAccount } from "../domain/accounts.js";
import { TollgateError } from "../domain/errors.js";
import { MoreGrantsNeeded, NotInBatch, storedIdInBatch } from "../domain/ledger/books.js";
import type { Account } from "../domain/ledger/rows.js";
import type { EpochMicros } from "../domain/time.js";
import type { LedgerTransaction, LoadedKeys } from "../storage/store.js";
import type { Command } from "./command.js";
import { LoadedBooks } from "./loaded-books.js";
import { LoadedGenerations, WorkingSet } from "./working-set.js";

/** What became of one command of a batch. */
export type CommandResult =
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "refused"; readonly error: TollgateError }
  /** It needs an account that this batch didn't load: it belongs into the next one. */
  | { readonly kind: "deferred" };

export interface BatchContext {
  /** The batch's time is never below this. */
  readonly clockFloor: EpochMicros;
  /** Which stripe of the platform accounts it posts to, 0 to 15. */
  readonly stripe: number;
}

/** Open grants read of each account at first. Nearly every debit is covered by the first few; one that isn't reads on. */
const FIRST_GRANTS_PER_ACCOUNT = 32;

/**
 * Load, apply, save: one batch inside one database transaction. Rows are loaded in one order everywhere — request keys, generations, accounts,
 * grants, each sorted by id — so that instances don't deadlock.
 * @returns one result a command, in order, and the time the batch was written at
 * @throws whatever isn't a refusal: then nothing may be committed
 */
export async function runBatch(
  transaction: LedgerTransaction,
  commands: readonly Command<unknown>[],
  context: BatchContext,
): Promise<{ results: CommandResult[]; now: EpochMicros }> {
  const keys = await transaction.loadKeys({
    requests: commands.flatMap((command) => command.request ?? []),
    externalReferences: commands.flatMap((command) => command.externalReference ?? []),
    generations: commands.flatMap((command) => command.generations ?? []),
  });
  const generations = new LoadedGenerations(keys.generations);
  const accountIds = accountsOf(commands, generations, context.stripe);
  const accounts = accountIds.size > 0 ? await transaction.loadAccounts([...accountIds].sort()) : [];
  const owners = accounts.map((account) => account.accountId).filter((accountId) => !isPlatformAccount(accountId));
  const grants = owners.length > 0 ? await transaction.loadGrants(owners, FIRST_GRANTS_PER_ACCOUNT) : [];

  const now = batchTime(context.clockFloor, keys, accounts);
  const books = new LoadedBooks(now, context.stripe, accountIds, accounts, []);
  books.addLoaded(grants, FIRST_GRANTS_PER_ACCOUNT);
  const set = new WorkingSet(now, keys, generations, books);
  const results: CommandResult[] = [];
  for (const command of commands) results.push(await apply(transaction, set, command));
  await transaction.save(set.changes());
  return { results, now };
}

/** Stored ids of every account that a command of the batch may touch. */
function accountsOf(
  commands: readonly Command<unknown>[],
  generations: LoadedGenerations,
  stripe: number,
): Set<string> {
  const storedIds = new Set<string>();
  for (const command of commands) {
    for (const accountId of accountsOrNone(command, generations)) storedIds.add(storedIdInBatch(accountId, stripe));
  }
  return storedIds;
}

/** A command whose reference is refused here is refused again, with its answer, when it is applied. */
function accountsOrNone(command: Command<unknown>, generations: LoadedGenerations): readonly string[] {
  try {
    return command.accounts(generations);
  } catch (error) {
    if (error instanceof TollgateError) return [];
    throw error;
  }
}

/** One time for the whole batch: the store's, but never below anything written before (rules 8). */
function batchTime(floor: EpochMicros, keys: LoadedKeys, accounts: readonly Account[]): EpochMicros {
  let now = keys.clock > floor ? keys.clock : floor;
  for (const { updateTime } of [...keys.generations, ...accounts]) if (updateTime > now) now = updateTime;
  return now;
}

/** Applies a command, reading more of an account's grants as often as it needs them: each time 16 times as many, until all are there. */
async function apply(
  transaction: LedgerTransaction,
  set: WorkingSet,
  command: Command<unknown>,
): Promise<CommandResult> {
  let limit = FIRST_GRANTS_PER_ACCOUNT;
  for (let hasAll = false; ; ) {
    try {
      return { kind: "done", value: command.apply(set) };
    } catch (error) {
      if (error instanceof TollgateError) return { kind: "refused", error };
      if (error instanceof NotInBatch) return { kind: "deferred" };
      if (!(error instanceof MoreGrantsNeeded) || hasAll) throw error;
      limit *= 16;
      const more = await transaction.loadGrants([error.accountId], limit);
      set.books.addLoaded(more, limit);
      hasAll = more.length < limit;
    }
  }
}
