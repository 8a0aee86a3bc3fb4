import { type AssetDay, type AssetUser, addedDays, type CreatorAsset, usersOf } from "../domain/earnings.js";
import type { RewardRow } from "../domain/ledger/rows.js";
import type { BatchChanges } from "./store.js";
import { inOrder } from "./table-changes.js";

/*
 * What a batch adds to the sums that creators' earnings are read from. It is worked out from the rewards and clawbacks that the same save writes, so no command can forget it, and written in the
 * same transaction, so it is right after any crash. However many settlements of a batch use an asset, they add to one row of its day, once.
 *
 * Whoever adds to a creator's rows has the creator's account row locked, because the same transaction posts to that account: so two instances never wait for each other here, and rows of a
 * creator whose account is new are behind the account's own insert. What is added rests on that lock for nothing but order: each statement adds to the newest row by itself.
 */

export interface RollupChange {
  /** newUsers is 0: only the database knows which of the users are new. */
  readonly days: readonly AssetDay[];
  readonly users: readonly AssetUser[];
}

/** In key order, so that instances which do meet wait instead of deadlocking. */
export function rollupOf({ rewards, clawbacks }: BatchChanges, known: UsersInTransaction): RollupChange {
  return {
    days: inOrder(addedDays(rewards, clawbacks), (day) => `${assetIn(day)}\n${day.day}`),
    users: inOrder(known.unknownIn(rewards), (user) => `${assetIn(user)}\n${user.userAccountId}`),
  };
}

function assetIn({ accountId, assetId, role }: CreatorAsset): string {
  return `${accountId}\n${assetId}\n${role}`;
}

/** Some thousand users of some dozen assets that are in fashion, in ten megabytes. */
const MOST_KNOWN_USERS = 50_000;

/**
 * Users of assets that a store has seen committed: nobody ever takes one out again, so those needn't be asked about at each use. Most uses of an asset are by someone who has used it before.
 * It knows of a bounded number; when they are too many it forgets them all.
 */
export class KnownUsers {
  private readonly keys = new Set<string>();

  /** @param most pairs of user and asset remembered, at least 1 */
  constructor(private readonly most = MOST_KNOWN_USERS) {}

  inTransaction(): UsersInTransaction {
    return new UsersInTransaction(this);
  }

  has(key: string): boolean {
    return this.keys.has(key);
  }

  add(keys: Iterable<string>): void {
    for (const key of keys) {
      if (this.keys.size >= this.most) this.keys.clear();
      this.keys.add(key);
    }
  }
}

/** What one transaction writes of them, which nobody may rely on before its commit. */
export class UsersInTransaction {
  private readonly written = new Set<string>();

  constructor(private readonly known: KnownUsers) {}

  /** Users in these rewards who may be new. */
  unknownIn(rewards: readonly RewardRow[]): AssetUser[] {
    const unknown = [...usersOf(rewards, (key) => this.known.has(key))];
    for (const [key] of unknown) this.written.add(key);
    return unknown.map(([, user]) => user);
  }

  /** To be called once the transaction has been committed for certain. */
  committed(): void {
    this.known.add(this.written);
  }
}

/** Ends an insert into asset_days: what is there already grows. A clawback alone is no use of the asset. */
export const ADD_TO_DAY = `on conflict (account_id, asset_id, role, day) do update set
  earned_usd_micros = asset_days.earned_usd_micros + excluded.earned_usd_micros,
  clawed_back_usd_micros = asset_days.clawed_back_usd_micros + excluded.clawed_back_usd_micros,
  uses = asset_days.uses + excluded.uses,
  new_users = asset_days.new_users + excluded.new_users,
  last_used_time = case when excluded.last_used_time > asset_days.last_used_time
    then excluded.last_used_time else asset_days.last_used_time end`;

/** Ends an insert into asset_users: gives back those who are new. */
export const ONLY_NEW_USERS = "on conflict do nothing returning account_id, asset_id, role, first_day";
