/** The part of knex's client that is used here; it comes without types. */
declare module "knex/lib/dialects/better-sqlite3/index.js" {
  import { Knex } from "knex";

  export default class BetterSqlite3Client extends Knex.Client {
    /** In the form that better-sqlite3 binds. */
    _formatBindings(bindings: readonly unknown[] | undefined): readonly unknown[];
  }
}
