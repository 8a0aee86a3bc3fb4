import { TollgateError } from "../domain/errors.js";
import { type Generation, type GenerationEvent, MAX_CONFLICTS } from "../domain/generation/generation.js";
import { Books, type LoadedBooks } from "../domain/ledger/books.js";
import type { Refundable } from "../domain/ledger/refund.js";
import type { ClawbackRow, RewardRow, TransactionRow } from "../domain/ledger/rows.js";
import { policyInForce, type RewardPolicyRow } from "../domain/reward-policies.js";
import type { EpochMicros } from "../domain/time.js";
import type { BatchChanges, GenerationRef, LoadedKeys, RequestRecord } from "../storage/store.js";
import type { IdempotentRequest } from "./command.js";

/** Generations loaded for a batch, as commands name them. */
export class LoadedGenerations {
  private readonly byId = new Map<string, Generation>();
  private readonly idsByRun = new Map<string, Set<string>>();

  constructor(generations: readonly Generation[]) {
    for (const generation of generations) this.put(generation);
  }

  /**
   * The generation of a reference; undefined if there is none.
   * @throws TollgateError INVALID_FIELDS if a run id alone names runs of two providers
   */
  find(ref: GenerationRef): Generation | undefined {
    if (ref.generationId !== "") return this.byId.get(ref.generationId);
    const matches = this.withRun(ref.runId);
    if (matches.length > 1) {
      throw TollgateError.invalid([
        { field: "run_id", description: "runs of two providers have this id; name the generation_id instead" },
      ]);
    }
    return matches[0];
  }

  withRun(runId: string): Generation[] {
    return [...(this.idsByRun.get(runId) ?? [])].map((generationId) => this.byId.get(generationId) as Generation);
  }

  /** Adds a generation, or puts a changed copy in its place. A run id, once set, never changes. */
  put(generation: Generation): void {
    this.byId.set(generation.generationId, generation);
    if (generation.runId === "") return;
    const ids = this.idsByRun.get(generation.runId) ?? new Set();
    this.idsByRun.set(generation.runId, ids.add(generation.generationId));
  }
}

/** What the references of a batch's commands lead to: known before any account is locked. */
export interface References {
  readonly generations: LoadedGenerations;
  /** hold_id → the account it is in, as a list of one. */
  readonly accountOfHold: ReadonlyMap<string, readonly string[]>;
  /** transaction_id → plain ids of the users' accounts it touched. */
  readonly accountsOfTransaction: ReadonlyMap<string, readonly string[]>;
}

/** What a batch has loaded and what its commands have done to it so far. Commands see each other's effects in order. No I/O. */
export class WorkingSet {
  readonly books: Books;
  readonly generations: LoadedGenerations;
  private readonly requests = new Map<string, RequestRecord>();
  private readonly externalReferences = new Map<string, string>();
  private readonly refundables = new Map<string, Refundable>();
  private readonly newRequests: RequestRecord[] = [];
  private readonly opened = new Map<string, Generation>();
  private readonly changed = new Map<string, Generation>();
  private readonly changedTransactions = new Set<TransactionRow>();
  private readonly changedRewards = new Set<RewardRow>();
  private readonly rewards: RewardRow[] = [];
  private readonly clawbacks: ClawbackRow[] = [];
  private readonly events: GenerationEvent[] = [];
  private readonly newRewardPolicies: RewardPolicyRow[] = [];

  /** @param stripe which stripe of every platform account this batch posts to, 0 to 15 */
  constructor(
    readonly now: EpochMicros,
    stripe: number,
    requests: readonly RequestRecord[],
    externalReferences: LoadedKeys["externalReferences"],
    references: References,
    private readonly loaded: LoadedBooks & {
      readonly refundables: readonly Refundable[];
      /** The one in force, where a command goes by it. */
      readonly rewardPolicies: readonly RewardPolicyRow[];
    },
  ) {
    this.generations = references.generations;
    this.books = new Books(now, stripe, loaded);
    for (const request of requests) this.requests.set(requestKey(request), request);
    for (const used of externalReferences) this.externalReferences.set(used.externalReference, used.transactionId);
    for (const each of loaded.refundables) this.refundables.set(each.transaction.transactionId, each);
  }

  /**
   * What this request did before, if it was made before.
   * @throws TollgateError IDEMPOTENCY_KEY_REUSED if another request was made under its key
   */
  recordOf(request: IdempotentRequest): RequestRecord | undefined {
    const record = this.requests.get(requestKey(request));
    if (record && !Buffer.from(record.fingerprint).equals(request.fingerprint)) {
      throw TollgateError.of("IDEMPOTENCY_KEY_REUSED", { request_id: request.requestId });
    }
    return record;
  }

  /** Keeps what a request did, with what it made. */
  record(request: IdempotentRequest, resourceKind: RequestRecord["resourceKind"], resourceId: string): void {
    const { caller, requestId, fingerprint } = request;
    const record: RequestRecord = { caller, requestId, fingerprint, resourceKind, resourceId };
    this.requests.set(requestKey(request), record);
    this.newRequests.push(record);
  }

  /** The transaction that an external reference was credited by. */
  transactionWithReference(externalReference: string): string | undefined {
    return this.externalReferences.get(externalReference);
  }

  claimExternalReference(externalReference: string, transactionId: string): void {
    this.externalReferences.set(externalReference, transactionId);
  }

  /**
   * The generation a command names.
   * @throws TollgateError GENERATION_NOT_FOUND, INVALID_FIELDS
   */
  generation(ref: GenerationRef): Generation {
    const generation = this.generations.find(ref);
    if (!generation) {
      throw TollgateError.of("GENERATION_NOT_FOUND", { generation_id: ref.generationId, run_id: ref.runId });
    }
    return generation;
  }

  openGeneration(generation: Generation): void {
    this.generations.put(generation);
    this.opened.set(generation.generationId, generation);
  }

  /** Puts a changed copy in the place of a generation. */
  changeGeneration(generation: Generation): void {
    this.generations.put(generation);
    const kind = this.opened.has(generation.generationId) ? this.opened : this.changed;
    kind.set(generation.generationId, generation);
  }

  /** A transaction loaded to be given back, as earlier commands of the batch left it. */
  refundable(transactionId: string): Refundable | undefined {
    return this.refundables.get(transactionId);
  }

  changeTransaction(transaction: TransactionRow): void {
    this.changedTransactions.add(transaction);
  }

  changeReward(reward: RewardRow): void {
    this.changedRewards.add(reward);
  }

  addReward(reward: RewardRow): void {
    this.rewards.push(reward);
  }

  /** What a refund took back of a reward. */
  addClawback({ position, accountId, role, assetId }: RewardRow, transactionId: string, amountUsdMicros: bigint): void {
    this.clawbacks.push({ transactionId, position, accountId, role, assetId, amountUsdMicros, createTime: this.now });
  }

  addEvent(event: GenerationEvent): void {
    this.events.push(event);
  }

  /** Records a conflicting completion once for each key; past MAX_CONFLICTS of one generation nothing more is kept. */
  addConflict(generation: Generation, eventKey: string, details: Readonly<Record<string, string>>): void {
    if (generation.conflicts.includes(eventKey) || generation.conflicts.length >= MAX_CONFLICTS) return;
    this.changeGeneration({ ...generation, conflicts: [...generation.conflicts, eventKey] });
    this.addEvent({
      generationId: generation.generationId,
      eventKey,
      type: "CONFLICTING_COMPLETION",
      details,
      createTime: this.now,
    });
  }

  /** The reward policy in force for a command that said it needs it; one that an earlier command of the batch has set counts. */
  rewardPolicy(): RewardPolicyRow {
    const policy = policyInForce([...this.loaded.rewardPolicies, ...this.newRewardPolicies], this.now);
    if (!policy) throw new Error("no reward policy was loaded for this batch");
    return policy;
  }

  addRewardPolicy(policy: RewardPolicyRow): void {
    this.newRewardPolicies.push(policy);
  }

  changes(): BatchChanges {
    return {
      requests: this.newRequests,
      openedGenerations: [...this.opened.values()],
      changedGenerations: [...this.changed.values()],
      changedTransactions: [...this.changedTransactions],
      rewards: this.rewards,
      changedRewards: [...this.changedRewards],
      clawbacks: this.clawbacks,
      events: this.events,
      rewardPolicies: this.newRewardPolicies,
      ...this.books.changes(),
    };
  }
}

function requestKey(request: { readonly caller: string; readonly requestId: string }): string {
  return `${request.caller}\n${request.requestId}`;
}
