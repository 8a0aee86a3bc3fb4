import { randomBytes } from "node:crypto";
import type { Knex } from "knex";
import { isMigrated, type MigratingBackend, migrate } from "../migrate.js";
import type { AuditStore, LedgerStore, Store } from "../store.js";
import { KnexReads } from "./reads.js";
import { KnexTools } from "./tools.js";

/** The parts in which the backends differ. */
export interface StoreParts {
  readonly backend: Store["backend"];
  readonly writes: Knex;
  /** May be the same as `writes`. */
  readonly reads: Knex;
  readonly migrating: MigratingBackend;
  readonly translate: (error: unknown) => Error;
  readonly ledger: LedgerStore;
  readonly audit: AuditStore;
}

/** Puts a store together from what is shared and what a backend does its own way. */
export function composeStore(parts: StoreParts): Store {
  const { writes, reads, translate, ledger, audit } = parts;
  const read = new KnexReads(reads, translate);
  const tools = new KnexTools(writes, reads, translate);
  const guard = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    backend: parts.backend,
    migrate: () => guard(migrate(writes, parts.migrating)),
    isMigrated: () => guard(isMigrated(reads)),
    storedSecret: () => guard(storedSecret(writes)),
    async close() {
      await writes.destroy();
      if (reads !== writes) await reads.destroy();
    },
    transact: (work) => ledger.transact(work),
    newestTime: () => ledger.newestTime(),
    snapshot: (work) => audit.snapshot(work),
    accounts: (ids) => read.accounts(ids),
    grantOpenedBy: (transactionId, accountId) => read.grantOpenedBy(transactionId, accountId),
    transaction: (id) => read.transaction(id),
    listTransactions: (ids, filter, cursor, size) => read.listTransactions(ids, filter, cursor, size),
    findGenerations: (ref) => read.findGenerations(ref),
    listGenerations: (filter, cursor, size) => read.listGenerations(filter, cursor, size),
    listRewards: (filter, cursor, size) => read.listRewards(filter, cursor, size),
    earnings: (accountId, from, to) => read.earnings(accountId, from, to),
    generationEvents: (id) => read.generationEvents(id),
    ping: () => read.ping(),
    upsertTool: (tool) => tools.upsertTool(tool),
    tool: (id) => tools.tool(id),
    listTools: (cursor, size) => tools.listTools(cursor, size),
  };
}

async function storedSecret(knex: Knex): Promise<string> {
  const fresh = { name: "root", secret_hex: randomBytes(32).toString("hex") };
  await knex("service_secrets").insert(fresh).onConflict("name").ignore();
  const [row] = await knex("service_secrets").where({ name: "root" }).select("secret_hex");
  return row.secret_hex;
}
