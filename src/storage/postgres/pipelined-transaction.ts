import type { Writable } from "node:stream";
import type { Knex } from "knex";
import { StoreError } from "../store.js";
import { translatePostgresError } from "./errors.js";

interface Statement {
  readonly text: string;
  readonly name?: string;
  readonly values?: readonly unknown[];
  readonly rowMode?: "array";
}

interface Answer {
  readonly command: string;
  /** Arrays, for a statement that asks for them. */
  readonly rows: unknown[];
}

/** A connection of pg's, as far as it is needed here. It has to have been opened with `pipeline`. */
interface Connection {
  query(statement: Statement): Promise<Answer>;
  readonly connection: { readonly stream: Pick<Writable, "cork" | "uncork" | "destroy"> };
}

/** Longer than the server lets a statement take: one that hasn't answered by then has gone silent. */
const SILENCE_MS = 12_000;

/**
 * A transaction whose statements leave without waiting for the answers to those before (docs/decisions/0029). Postgres carries them out in their order; after one that fails it refuses all others, so
 * none of them takes effect. It begins with the first statement.
 */
export class PipelinedTransaction {
  private begun: Promise<unknown> | undefined;
  private hasEnded = false;
  private isGathering = false;
  /** One for all statements: pg's own, one for each, kept so much alive that two thirds of what was promoted to old memory were their results. */
  private readonly silence: NodeJS.Timeout;

  private constructor(
    private readonly connection: Connection,
    silenceMs: number,
  ) {
    this.silence = setTimeout(() => connection.connection.stream.destroy(), silenceMs);
  }

  /**
   * Runs `work` in a transaction on a connection of the pool, and commits it unless its last statement has.
   * @param silenceMs how long after the last statement was sent the connection is given up, unless the transaction has ended. Default: 12,000
   * @throws StoreError or whatever `work` throws; then nothing is written, unless it is UNAVAILABLE
   */
  static async run<T>(
    knex: Knex,
    work: (transaction: PipelinedTransaction) => Promise<T>,
    silenceMs = SILENCE_MS,
  ): Promise<T> {
    const connection: Connection = await knex.client.acquireConnection().catch(rethrow);
    const transaction = new PipelinedTransaction(connection, silenceMs);
    try {
      const result = await work(transaction);
      await transaction.end("commit");
      return result;
    } catch (error) {
      // Where the connection is broken, so is the transaction.
      await transaction.end("rollback").catch(() => {});
      throw error;
    } finally {
      clearTimeout(transaction.silence);
      await knex.client.releaseConnection(connection);
    }
  }

  /**
   * Carries out a statement.
   * @param name each connection plans a statement once by its name, so it belongs to this text alone
   * @param sql with a ? for each value
   */
  async query(name: string, sql: string, values: readonly unknown[]): Promise<Record<string, unknown>[]> {
    return (await this.send({ name, text: positioned(name, sql), values })).rows as Record<string, unknown>[];
  }

  /** The same, with each row as the list of its values in the order they are selected in: half of what it takes to read a row of forty columns. */
  async queryValues(name: string, sql: string, values: readonly unknown[]): Promise<unknown[][]> {
    return (await this.send({ name, text: positioned(name, sql), values, rowMode: "array" })).rows as unknown[][];
  }

  /** Carries out a statement and commits, both at once. Nothing can come after it. */
  async queryAndCommit(name: string, sql: string, values: readonly unknown[]): Promise<void> {
    const answers = await Promise.allSettled([this.query(name, sql, values), this.end("commit")]);
    // Where both have failed, the first says why.
    for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
  }

  private async send(statement: Statement): Promise<Answer> {
    // It would be carried out all the same, outside of any transaction.
    if (this.hasEnded) throw new Error(`${statement.name} comes after the end of its transaction`);
    // Postgres answers in order: if BEGIN fails, that is heard first.
    this.begun ??= this.write({ text: "begin" });
    const [, result] = await Promise.all([this.begun, this.write(statement)]).catch(rethrow);
    return result;
  }

  /** All that is asked for in one turn leaves in one write: each would wake the server, which has little to do before the next one comes. */
  private write(statement: Statement): Promise<Answer> {
    this.silence.refresh();
    if (!this.isGathering) {
      this.isGathering = true;
      const { stream } = this.connection.connection;
      stream.cork();
      process.nextTick(() => {
        this.isGathering = false;
        stream.uncork();
      });
    }
    return this.connection.query(statement);
  }

  private async end(how: "commit" | "rollback"): Promise<void> {
    if (this.hasEnded) return;
    this.hasEnded = true;
    if (!this.begun) return;
    const { command } = await this.write({ text: how }).catch(rethrow);
    // That is how Postgres answers a COMMIT after a statement that failed, no error: whoever has ignored that one must not take this for done.
    if (how === "commit" && command !== "COMMIT")
      throw new StoreError("REFUSED", "postgres: rolled back, as a statement had failed");
  }
}

/** The texts seen so far, by name: a few dozen. */
const POSITIONED = new Map<string, string>();

/** With $1, $2, … in the place of each ?. */
function positioned(name: string, sql: string): string {
  let text = POSITIONED.get(name);
  if (text === undefined) {
    let position = 0;
    text = sql.replaceAll("?", () => `$${++position}`);
    POSITIONED.set(name, text);
  }
  return text;
}

function rethrow(error: unknown): never {
  throw translatePostgresError(error);
}
