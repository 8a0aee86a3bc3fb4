/*
 * What passes between the event loop and the thread that writes a SQLite file. Scripts are carried out in the order they are sent in, and each gets one answer, in the same order.
 */

/** What a thread is started with. */
export interface Opening {
  /** The file, or ":memory:". */
  readonly path: string;
  readonly pragmas: readonly string[];
}

/** A value as it is bound, or read. Integers are read as bigint. */
export type SqliteValue = string | number | bigint | Uint8Array | null;

/** A statement with what is bound to it. */
export interface Statement {
  readonly sql: string;
  /** Or, as JSON text, a list of such lists: it is run once for each of them. Text passes between threads for a tenth of what values cost. */
  readonly bindings: readonly unknown[] | string;
  /** Whether each row that it reads is the list of its values, in the order they are selected in: less to read and to hand on than objects are. Has to be the same whenever this text is carried out, for the statement stays prepared. */
  readonly readsValues?: boolean;
}

/** Statements to be carried out in this order; those after one that fails are not. */
export interface Script {
  readonly statements: readonly Statement[];
  /**
   * The transaction that they are part of, a number. Its first script begins it, by locking the file unless another has; if a statement fails, what the file's transaction has written is rolled back then and
   * there, and all that is sent for this one later is refused, so that nothing takes effect that was sent without knowing of the failure.
   */
  readonly transaction?: number;
  /** What becomes of the file's transaction after them, and of this one with it. LEAVE is for one that has only read: it may be others' as well. */
  readonly ending?: "COMMIT" | "ROLLBACK" | "LEAVE";
}

/** What all runs of a statement did together. */
export interface StatementResult {
  /** What they read or returned. */
  readonly rows: readonly Readonly<Record<string, SqliteValue>>[];
  /** How many rows they changed. */
  readonly changes: number;
  readonly lastId: number | bigint;
}

export type Answer =
  | { readonly kind: "done"; readonly results: readonly StatementResult[] }
  | { readonly kind: "failed"; readonly message: string; readonly code: string };

/** The part of better-sqlite3, which comes without types, that a thread uses. */
export interface Sqlite {
  readonly inTransaction: boolean;
  defaultSafeIntegers(isOn: boolean): void;
  pragma(text: string, options?: { readonly simple: boolean }): unknown;
  prepare(sql: string): SqliteStatement;
  exec(sql: string): void;
  close(): void;
}

export interface SqliteStatement {
  /** Whether it gives rows. */
  readonly reader: boolean;
  /** Whether rows are lists of values from now on. */
  raw(isOn: boolean): void;
  all(bindings: readonly unknown[]): Record<string, SqliteValue>[];
  run(bindings: readonly unknown[]): { readonly changes: number; readonly lastInsertRowid: number | bigint };
}
