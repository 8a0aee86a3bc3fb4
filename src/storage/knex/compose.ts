import { randomBytes } from "node:crypto";
import type { Knex } from "knex";
import type { AuditStore } from "../audit-store.js";
import { isMigrated, type MigratingBackend, migrate } from "../migrate.js";
import type { LedgerStore, Store } from "../store.js";
import { KnexAccountReads } from "./account-reads.js";
import { KnexGenerationLookups } from "./generation-lookups.js";
import { KnexReads } from "./reads.js";
import { KnexRewardPolicies } from "./reward-policies.js";
import { KnexRewardReads } from "./reward-reads.js";
import { KnexTools } from "./tools.js";

/** The parts in which the backends differ. */
export interface StoreParts {
  readonly backend: Store["backend"];
  readonly writes: Knex;
  /** May be the same as `writes`. */
  readonly reads: Knex;
  /** What the ledger and the audit have for themselves, to be closed with the store. */
  readonly others?: readonly Knex[];
  readonly migrating: MigratingBackend;
  readonly translate: (error: unknown) => Error;
  readonly ledger: LedgerStore;
  readonly audit: AuditStore;
}

/** Puts a store together from what is shared and what a backend does its own way. */
export function composeStore(parts: StoreParts): Store {
  const { writes, reads, translate } = parts;
  const guard = async <T>(work: PromiseLike<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    ...methodsOf(parts.ledger),
    ...methodsOf(parts.audit),
    ...methodsOf(new KnexReads(reads, guard)),
    ...methodsOf(new KnexAccountReads(reads, guard)),
    ...methodsOf(new KnexRewardReads(reads, guard, parts.backend)),
    ...methodsOf(new KnexGenerationLookups(reads, guard)),
    ...methodsOf(new KnexTools(writes, reads, guard)),
    ...methodsOf(new KnexRewardPolicies(reads, guard)),
    backend: parts.backend,
    pacing: parts.ledger.pacing,
    migrate: () => guard(migrate(writes, parts.migrating)),
    isMigrated: () => guard(isMigrated(reads)),
    storedSecret: () => guard(storedSecret(writes)),
    async close() {
      await writes.destroy();
      if (reads !== writes) await reads.destroy();
      for (const other of parts.others ?? []) await other.destroy();
    },
  };
}

/** The methods of an object, bound to it, so that several can be put together into one. */
function methodsOf<Part extends object>(part: Part): { [Name in keyof Part]: Part[Name] } {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(part)).filter((name) => name !== "constructor");
  const methods = names.map((name) => [name, (part as Record<string, CallableFunction>)[name]?.bind(part)]);
  return Object.fromEntries(methods) as { [Name in keyof Part]: Part[Name] };
}

async function storedSecret(knex: Knex): Promise<string> {
  const fresh = { name: "root", secret_hex: randomBytes(32).toString("hex") };
  await knex("service_secrets").insert(fresh).onConflict("name").ignore();
  const [row] = await knex("service_secrets").where({ name: "root" }).select("secret_hex");
  return row.secret_hex;
}
