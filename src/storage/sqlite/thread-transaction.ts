import type { Knex } from "knex";
import { translateSqliteError } from "./errors.js";
import type { ThreadConnection } from "./thread-connection.js";
import type { Statement, StatementResult } from "./thread-messages.js";

const BEGIN: Statement = { sql: "begin immediate", bindings: [] };
const COMMIT: Statement = { sql: "commit", bindings: [] };
const ROLLBACK: Statement = { sql: "rollback", bindings: [] };

/**
 * A transaction whose statements leave without waiting for the answers to those before (docs/decisions/0029). It begins with the first statement by taking the file's write lock, so what is read can't be
 * overtaken. After a statement that fails none takes effect.
 */
export class ThreadTransaction {
  private state: "NEW" | "OPEN" | "ENDED" = "NEW";

  private constructor(
    private readonly connection: ThreadConnection,
    private readonly release: () => void,
  ) {}

  /**
   * Runs `work` in a transaction on the connection, and commits it unless its last script has.
   * @throws StoreError or whatever `work` throws; then nothing is written
   */
  static async run<T>(knex: Knex, work: (transaction: ThreadTransaction) => Promise<T>): Promise<T> {
    const connection: ThreadConnection = await knex.client.acquireConnection().catch(rethrow);
    const transaction = new ThreadTransaction(connection, () => void knex.client.releaseConnection(connection));
    try {
      const result = await work(transaction);
      await transaction.end(COMMIT);
      return result;
    } catch (error) {
      // Where a statement has failed, the transaction is over already.
      await transaction.end(ROLLBACK).catch(() => {});
      throw error;
    }
  }

  /** Carries out a statement. */
  async query(sql: string, bindings: readonly unknown[]): Promise<StatementResult["rows"]> {
    const [result] = await this.send([{ sql, bindings }]);
    return result?.rows ?? [];
  }

  /**
   * Carries out statements, one after the other.
   * @param isLast whether to commit after them; then nothing can come after
   */
  async write(statements: readonly Statement[], isLast: boolean): Promise<readonly StatementResult[]> {
    if (!isLast) return this.send(statements);
    const results = this.send([...statements, COMMIT]);
    this.leave();
    return results;
  }

  /** @returns a result for each of the statements */
  private async send(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    if (this.state === "ENDED") throw new Error("a statement after the end of its transaction");
    const isOpen = this.state === "OPEN";
    this.state = "OPEN";
    const transaction = isOpen ? "CONTINUES" : "BEGINS";
    const script = { statements: isOpen ? statements : [BEGIN, ...statements], transaction } as const;
    const results = await this.connection.run(script).catch(rethrow);
    return isOpen ? results : results.slice(1);
  }

  private async end(how: Statement): Promise<void> {
    if (this.state === "ENDED") return;
    const end = this.state === "OPEN" ? this.send([how]) : undefined;
    this.leave();
    await end;
  }

  /** What another transaction sends comes after the end of this one, so it needn't wait for the answer to that. */
  private leave(): void {
    this.state = "ENDED";
    this.release();
  }
}

function rethrow(error: unknown): never {
  throw translateSqliteError(error);
}
