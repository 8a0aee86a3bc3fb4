import type { Knex } from "knex";
import { up as ledger } from "./001-ledger.js";

/** Names of column types where the backends differ. */
export interface Dialect {
  /** Compared byte by byte. */
  readonly text: string;
  readonly uuid: string;
  readonly bytes: string;
  readonly float8: string;
  /** Whether tables can be told to leave room on their pages. */
  readonly hasFillfactor: boolean;
}

export interface Migration {
  /** 1, 2, 3...: the order they run in, for ever. */
  readonly version: number;
  readonly name: string;
  readonly up: (knex: Knex, dialect: Dialect) => Promise<void>;
}

/** Every migration there is. Forward only: a released one is never edited. */
export const MIGRATIONS: readonly Migration[] = [{ version: 1, name: "ledger", up: ledger }];
