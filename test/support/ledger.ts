import { v7 as uuidv7 } from "uuid";
import { publicAccountId } from "../../src/domain/accounts.js";
import type { Generation, GenerationEvent, Output } from "../../src/domain/generation/generation.js";
import type { ProgressReport } from "../../src/domain/generation/lifecycle.js";
import type { TransactionWithEntries } from "../../src/domain/ledger/rows.js";
import { LATEST_TIME } from "../../src/domain/time.js";
import type { CompletedGeneration, CompleteGenerationInput } from "../../src/ledger/commands/complete-generation.js";
import type { CreateGenerationInput } from "../../src/ledger/commands/create-generation.js";
import { reportProgress } from "../../src/ledger/commands/report-progress.js";
import { LedgerWriter } from "../../src/ledger/writer.js";
import type { RewardFilter } from "../../src/storage/read-store.js";
import type { Store } from "../../src/storage/store.js";
import { completionOf, creditOf, generationOf } from "./commands.js";
import type { TestDatabase } from "./stores.js";

let people = 0;

/** An account name that no other test uses, so that tests can share a database. */
export function someone(name: string): string {
  return `${name}-${++people}`;
}

/** A writer and its store on a database of their own, and short ways to do and see what settlement is about. */
export class TestLedger {
  private constructor(
    readonly database: TestDatabase,
    readonly store: Store,
    readonly writer: LedgerWriter,
  ) {}

  static async start(makeDatabase: () => Promise<TestDatabase>): Promise<TestLedger> {
    const database = await makeDatabase();
    const store = await database.open();
    return new TestLedger(database, store, new LedgerWriter(store));
  }

  async stop(): Promise<void> {
    await this.writer.close();
    await this.database.destroy();
  }

  async fund(accountId: string, amountUsdMicros: bigint): Promise<void> {
    await this.writer.submit(creditOf({ accountId, amountUsdMicros }));
  }

  /** @returns the new generation's id */
  async create(input: Partial<CreateGenerationInput> & Pick<CreateGenerationInput, "accountId">): Promise<string> {
    const generationId = input.generationId ?? uuidv7();
    await this.writer.submit(generationOf({ ...input, generationId }));
    return generationId;
  }

  report(generationId: string, report: Partial<ProgressReport>): Promise<Generation> {
    const command = reportProgress({ generationId, runId: "" }, { liveStatus: "", outputs: [], ...report });
    return this.writer.submit(command);
  }

  complete(generationId: string, input: Partial<CompleteGenerationInput> = {}): Promise<CompletedGeneration> {
    return this.writer.submit(completionOf(generationId, input));
  }

  async generation(generationId: string): Promise<Generation> {
    const [generation] = await this.store.findGenerations({ generationId, runId: "" });
    if (!generation) throw new Error(`there is no generation ${generationId}`);
    return generation;
  }

  events(generationId: string): Promise<GenerationEvent[]> {
    return this.store.generationEvents(generationId);
  }

  async eventTypes(generationId: string): Promise<string[]> {
    return (await this.events(generationId)).map((event) => event.type);
  }

  /** In the order asked; 0 for an account that never had an entry. */
  async balances(...accountIds: string[]): Promise<bigint[]> {
    const accounts = await this.store.accounts(accountIds);
    return accountIds.map((id) => accounts.find((account) => account.accountId === id)?.balanceUsdMicros ?? 0n);
  }

  /** How many entries an account has. */
  async entryCount(accountId: string): Promise<bigint> {
    return (await this.store.accounts([accountId]))[0]?.version ?? 0n;
  }

  /** What a creator was given: [asset_id, micro-USD], oldest first. */
  async rewards(accountId: string): Promise<[string, bigint][]> {
    const filter: RewardFilter = { accountId, assetId: "", role: undefined, startTime: 0n, endTime: LATEST_TIME };
    const page = await this.store.listRewards(filter, undefined, 100);
    return page.rows.map((row): [string, bigint] => [row.assetId, row.amountUsdMicros]).reverse();
  }
}

/** Entries as [public account id, signed micro-USD], in order. */
export function linesOf(posted: TransactionWithEntries | undefined): [string, bigint][] {
  return (posted?.entries ?? []).map((entry) => [publicAccountId(entry.accountId), entry.amountUsdMicros]);
}

export function loraOf(ownerAccountId: string, loraId = `lora-of-${ownerAccountId}`) {
  return { loraId, ownerAccountId };
}

/** An image under a URL that ends in this name. */
export function outputOf(name: string): Output {
  return { url: `https://cdn.example/${name}`, type: "IMAGE", filename: name, nodeId: "", text: "" };
}
