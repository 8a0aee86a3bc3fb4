import { isPlatformAccount } from "../domain/accounts.js";
import { TollgateError } from "../domain/errors.js";
import { NotInBatch, storedIdInBatch } from "../domain/ledger/books.js";
import { MoreGrantsNeeded } from "../domain/ledger/grant-book.js";
import type { Refundable } from "../domain/ledger/refund.js";
import type { Account, EntryRow, Grant, Hold } from "../domain/ledger/rows.js";
import type { RewardPolicyRow } from "../domain/reward-policies.js";
import type { EpochMicros } from "../domain/time.js";
import type { BatchKeys, LedgerTransaction, LoadedKeys } from "../storage/store.js";
import { type Claim, whoWaits } from "./apart.js";
import type { Command } from "./command.js";
import { COMMANDS_A_TURN, endOfTurn } from "./event-loop.js";
import { LoadedGenerations, type References, WorkingSet } from "./working-set.js";

/** What became of one command of a batch. */
export type CommandResult =
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "refused"; readonly error: TollgateError }
  /** It needs an account that this batch didn't load: it belongs into the next one. */
  | { readonly kind: "deferred" };

export interface BatchContext {
  /** Which stripe of the platform accounts it posts to, 0 to 15. */
  readonly stripe: number;
  readonly claim: Claim;
  /** Whether there are so many callers that some are to be refused, which the event loop must not be kept from for long. */
  readonly isCrowded: boolean;
  /** Whether a command can be left to the next batch for an account that another one has. @param index of the command in the batch */
  mayWait(index: number): boolean;
  /** Told of those that are, as soon as that is known: they are none of this batch's any more. @param indexes of the commands in the batch */
  putOff(indexes: ReadonlySet<number>): void;
  /** Told once the batch has locked whatever it shares with others. @returns what its time is never below, once the batch before it has been applied */
  loaded(): Promise<EpochMicros>;
  /** Told the time that the batch is written at, once nothing but saving is left. */
  applied(now: EpochMicros): void;
}

/** Open grants read of each account at first. Nearly every debit is covered by the first few; one that isn't reads on. */
const FIRST_GRANTS_PER_ACCOUNT = 32;

/**
 * Load, apply, save: one batch inside one database transaction. Rows are loaded in one order everywhere — generations, accounts, then what is read
 * under their locks, request keys first, each sorted by id — so that instances don't deadlock. What needs no answer to what is asked before it is asked in the same breath.
 * @returns one result for each command that wasn't put off, in order, and the entries it wrote
 * @throws whatever isn't a refusal: then nothing may be committed
 */
export async function runBatch(
  transaction: LedgerTransaction,
  commands: readonly Command<unknown>[],
  context: BatchContext,
): Promise<{ results: CommandResult[]; entries: readonly EntryRow[] }> {
  const keys = await transaction.loadKeys(keysOf(commands));
  const references = referencesOf(keys);
  const { chosen, asked } = choose(commands, references, context);
  const [accounts, { clock, requests }, owned] = await Promise.all([
    asked.size > 0 ? transaction.loadAccounts([...asked].sort()) : [],
    transaction.loadRequests(chosen.flatMap((command) => command.requests ?? [])),
    loadOwned(transaction, chosen, keys, [...asked]),
  ]);
  const now = batchTime(clock, await context.loaded(), keys, accounts);
  const due = await loadDue(transaction, accounts, now, context.stripe);
  for (const accountId of due.asked) asked.add(accountId);

  const set = new WorkingSet(now, context.stripe, requests, keys.externalReferences, references, {
    asked,
    accounts: [...accounts, ...due.accounts],
    openGrants: owned.openGrants,
    openGrantsPerAccount: FIRST_GRANTS_PER_ACCOUNT,
    namedGrants: [...owned.namedGrants, ...due.grants],
    holds: [...owned.holds, ...due.holds],
    refundables: owned.refundables,
    rewardPolicies: await loadRewardPolicies(transaction, chosen, now),
  });
  for (const [accountId, nextExpiryTime] of due.nextExpiries) set.books.settleDue(accountId, nextExpiryTime);
  const results: CommandResult[] = [];
  for (const command of chosen) {
    if (context.isCrowded && results.length > 0 && results.length % COMMANDS_A_TURN === 0) await endOfTurn();
    results.push(await apply(transaction, set, command));
  }
  context.applied(now);
  const isRefusedAlone = chosen[0]?.isAlone === true && results[0]?.kind !== "done";
  if (isRefusedAlone) return { results, entries: [] };
  const changes = set.changes();
  await transaction.save(changes, true);
  return { results, entries: changes.entries };
}

function keysOf(commands: readonly Command<unknown>[]): BatchKeys {
  return {
    externalReferences: commands.flatMap((command) => command.externalReferences ?? []),
    generations: commands.flatMap((command) => command.generations ?? []),
    holds: commands.flatMap((command) => command.holds ?? []),
    transactions: commands.flatMap((command) => command.refunds ?? []),
  };
}

function referencesOf(keys: LoadedKeys): References {
  return {
    generations: new LoadedGenerations(keys.generations),
    accountOfHold: new Map(keys.holds.map(({ holdId, accountId }) => [holdId, [accountId]])),
    accountsOfTransaction: new Map(
      keys.transactions.map(({ transactionId, accountIds }) => [
        transactionId,
        accountIds.filter((accountId) => !isPlatformAccount(accountId)),
      ]),
    ),
  };
}

/** The commands that stay in the batch, and stored ids of every account that they may touch, which are claimed for it. */
function choose(
  commands: readonly Command<unknown>[],
  references: References,
  { stripe, claim, mayWait, putOff }: BatchContext,
): { chosen: readonly Command<unknown>[]; asked: Set<string> } {
  const accountsOfEach = commands.map((command) => accountsOf(command, references, stripe));
  const waiting = whoWaits(accountsOfEach, claim, mayWait);
  const asked = new Set(accountsOfEach.flatMap((accountIds, index) => (waiting.has(index) ? [] : accountIds)));
  claim.accountIds = asked;
  if (waiting.size === 0) return { chosen: commands, asked };
  putOff(waiting);
  return { chosen: commands.filter((_, index) => !waiting.has(index)), asked };
}

/** Stored ids of every account that a command may touch. */
function accountsOf(command: Command<unknown>, references: References, stripe: number): string[] {
  return accountsOrNone(command, references).map((accountId) => storedIdInBatch(accountId, stripe));
}

interface LoadedDue {
  readonly asked: readonly string[];
  readonly accounts: readonly Account[];
  readonly grants: readonly Grant[];
  readonly holds: readonly Hold[];
  /** Account → the first thing of it that isn't due yet. */
  readonly nextExpiries: ReadonlyMap<string, EpochMicros | null>;
}

/** Holds and grants whose time is up. Rarely any, so nothing is read unless an account says so; the stripe that expired money goes to is then locked last, by everybody. */
async function loadDue(
  transaction: LedgerTransaction,
  accounts: readonly Account[],
  now: EpochMicros,
  stripe: number,
): Promise<LoadedDue> {
  const owners = accounts.flatMap(({ accountId, nextExpiryTime }) =>
    nextExpiryTime !== null && nextExpiryTime <= now ? [accountId] : [],
  );
  if (owners.length === 0) return { asked: [], accounts: [], grants: [], holds: [], nextExpiries: new Map() };
  const breakage = storedIdInBatch("sys:breakage", stripe);
  const { grants, holds, nextExpiries } = await transaction.loadDue(owners, now);
  return {
    asked: [breakage],
    accounts: await transaction.loadAccounts([breakage]),
    grants,
    holds,
    nextExpiries: new Map(owners.map((accountId) => [accountId, nextExpiries.get(accountId) ?? null])),
  };
}

interface LoadedOwned {
  readonly openGrants: readonly Grant[];
  readonly namedGrants: readonly Grant[];
  readonly holds: readonly Hold[];
  readonly refundables: readonly Refundable[];
}

/** What belongs to the accounts, read under their locks: open grants, the holds and transactions that commands name, and the grants these were paid from. */
async function loadOwned(
  transaction: LedgerTransaction,
  commands: readonly Command<unknown>[],
  keys: LoadedKeys,
  accountIds: readonly string[],
): Promise<LoadedOwned> {
  const owners = accountIds.filter((accountId) => !isPlatformAccount(accountId));
  const holdIds = [
    ...commands.flatMap((command) => command.holds ?? []),
    ...keys.generations.flatMap(({ holdId }) => (holdId === "" ? [] : [holdId])),
  ];
  const refundedIds = keys.transactions.map(({ transactionId }) => transactionId);
  const [openGrants, holds, refundables] = await Promise.all([
    owners.length > 0 ? transaction.loadGrants(owners, FIRST_GRANTS_PER_ACCOUNT) : [],
    holdIds.length > 0 ? transaction.loadHolds(holdIds) : [],
    refundedIds.length > 0 ? transaction.loadRefundables(refundedIds) : [],
  ]);
  if (refundables.length === 0) return { openGrants, namedGrants: [], holds, refundables };
  const burnedIds = refundables.flatMap(({ entries }) => entries[0]?.grantMovements.map(([grantId]) => grantId) ?? []);
  return { openGrants, namedGrants: await transaction.loadGrantsById(burnedIds), holds, refundables };
}

/**
 * The reward policy in force at the batch's time, if a command goes by it. It is read inside the batch's own transaction and never kept from one batch to the next: every instance sees each policy
 * that is committed, so once SetRewardPolicy has answered nobody opens a generation under the one before it (docs/decisions/0014).
 */
async function loadRewardPolicies(
  transaction: LedgerTransaction,
  commands: readonly Command<unknown>[],
  now: EpochMicros,
): Promise<RewardPolicyRow[]> {
  return commands.some((command) => command.needsRewardPolicy) ? [await transaction.loadRewardPolicy(now)] : [];
}

/** A command whose reference is refused here is refused again, with its answer, when it is applied. */
function accountsOrNone(command: Command<unknown>, references: References): readonly string[] {
  try {
    return command.accounts(references);
  } catch (error) {
    if (error instanceof TollgateError) return [];
    throw error;
  }
}

/** One time for the whole batch: the store's, but never below anything written before (rules 8). */
function batchTime(
  clock: EpochMicros,
  floor: EpochMicros,
  keys: LoadedKeys,
  accounts: readonly Account[],
): EpochMicros {
  let now = clock > floor ? clock : floor;
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
      const value = command.apply(set);
      set.books.expireOverdue();
      return { kind: "done", value };
    } catch (error) {
      if (error instanceof TollgateError) return { kind: "refused", error };
      if (error instanceof NotInBatch) return { kind: "deferred" };
      if (!(error instanceof MoreGrantsNeeded) || hasAll) throw error;
      limit *= 16;
      const more = await transaction.loadGrants([error.accountId], limit);
      set.books.grants.add(more, limit);
      hasAll = more.length < limit;
    }
  }
}
