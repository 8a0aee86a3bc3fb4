import fc from "fast-check";
import { derivedUuid } from "../../src/domain/ids.js";
import { MICROS_PER_SECOND } from "../../src/domain/time.js";
import type { Command } from "../../src/ledger/command.js";
import { AtomicCommand } from "../../src/ledger/commands/atomic.js";
import { importLegacy } from "../../src/ledger/commands/import-legacy.js";
import { sweep } from "../../src/ledger/commands/sweep.js";
import {
  captureOf,
  completionOf,
  creditOf,
  debitOf,
  generationOf,
  holdOf,
  RUN_TOOL,
  refundOf,
  releaseOf,
  request,
  retryOf,
  transferOf,
} from "../support/commands.js";

const PEOPLE = 4;

const person = fc.integer({ min: 0, max: PEOPLE - 1 });
const amount = fc.bigInt({ min: 1n, max: 300n });
/** Which of the things made so far, counted from the newest. */
const recent = fc.nat({ max: 4 });
const lifeSeconds = fc.constantFrom(5, 20, 60);

const credit = fc.record({
  kind: fc.constant("credit" as const),
  person,
  amount: fc.bigInt({ min: 1n, max: 1_000n }),
  priority: fc.constantFrom(10, 50, 90),
  category: fc.constantFrom("PAID" as const, "PROMOTIONAL" as const),
  lifeSeconds: fc.option(lifeSeconds),
});
const debit = fc.record({ kind: fc.constant("debit" as const), person, amount });
const transfer = fc.record({
  kind: fc.constant("transfer" as const),
  person,
  steps: fc.integer({ min: 1, max: PEOPLE - 1 }),
  amount,
});
const posting = fc.oneof({ weight: 2, arbitrary: credit }, debit, transfer);

/** One thing that happens. Plain data, so that a failing sequence can be read. */
const step = fc.oneof(
  { weight: 5, arbitrary: credit },
  { weight: 3, arbitrary: debit },
  { weight: 2, arbitrary: transfer },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("hold" as const), person, amount, lifeSeconds }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("capture" as const), recent, amount }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("release" as const), recent }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("refund" as const),
      recent,
      amount: fc.option(amount),
      clawsBackRewards: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("generation" as const),
      person,
      fallback: fc.option(person),
      placesHold: fc.boolean(),
      creators: fc.array(person, { maxLength: 3 }),
      spellCreator: fc.option(person),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("completion" as const),
      recent,
      outcome: fc.constantFrom("SUCCEEDED" as const, "SUCCEEDED" as const, "FAILED" as const, "CANCELLED" as const),
      finalCost: fc.option(amount),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("retry" as const), recent, payer: fc.option(person) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("legacy" as const), person, amount }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("atomic" as const), items: fc.array(posting, { maxLength: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("sweep" as const), person }) },
  /** The clock moves on, or jumps back. */
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), seconds: fc.constantFrom(1, 6, 6, 25, 70, -10) }),
  },
);

export type Step = typeof step extends fc.Arbitrary<infer Each> ? Each : never;

/** Steps, each with whether the next one waits for it: those that don't wait meet in one batch. */
export function sequences(length: number) {
  return fc.array(fc.record({ step, isAwaited: fc.boolean() }), { minLength: 1, maxLength: length, size: "max" });
}

/** A command, and what to remember once it was done. */
export interface Move {
  readonly command: Command<unknown>;
  readonly done: () => void;
}

/** One sequence in the making: its people, and the ids of what it has made. */
export class Sequence {
  private readonly holds: string[] = [];
  private readonly refundables: string[] = [];
  private readonly generations: string[] = [];
  private made = 0;

  constructor(
    readonly name: string,
    readonly clock: { now: bigint },
  ) {}

  get people(): string[] {
    return Array.from({ length: PEOPLE }, (_, index) => this.person(index));
  }

  /** What a step does; undefined for one that only moves the clock. All ids follow from the sequence, so it can be played again. */
  move(step: Step): Move | undefined {
    const transactionId = this.id();
    const key = { request: request(transactionId), transactionId };
    switch (step.kind) {
      case "credit":
      case "debit":
      case "transfer":
        return this.posting(step);
      case "hold": {
        const { person, amount: amountUsdMicros, lifeSeconds } = step;
        const ttlMicros = BigInt(lifeSeconds) * MICROS_PER_SECOND;
        const placed = { ...key, holdId: transactionId, accountId: this.person(person), amountUsdMicros, ttlMicros };
        return { command: holdOf(placed), done: () => this.holds.push(transactionId) };
      }
      case "capture": {
        const command = captureOf({ ...key, holdId: nth(this.holds, step.recent), amountUsdMicros: step.amount });
        return { command, done: () => this.refundables.push(transactionId) };
      }
      case "release":
        return forgotten(releaseOf(nth(this.holds, step.recent)));
      case "refund":
        return forgotten(
          refundOf({
            ...key,
            refundedTransactionId: nth(this.refundables, step.recent),
            amountUsdMicros: step.amount ?? undefined,
            clawsBackRewards: step.clawsBackRewards,
          }),
        );
      case "generation":
        return this.generation(step);
      case "completion": {
        const { finalCost, outcome } = step;
        const usage = finalCost === null ? {} : { finalCostUsdMicros: finalCost };
        const command = completionOf(nth(this.generations, step.recent), { transactionId, outcome, usage });
        return { command, done: () => this.refundables.push(transactionId) };
      }
      case "retry": {
        const payerAccountId = step.payer === null ? "" : this.person(step.payer);
        const command = retryOf({ ...key, generationId: nth(this.generations, step.recent), payerAccountId });
        return { command, done: () => this.refundables.push(transactionId) };
      }
      case "legacy": {
        const [accountId, amountUsdMicros] = [this.person(step.person), step.amount];
        const externalReference = `legacy:${this.name}:${accountId}`;
        const row = { caller: "tests", transactionId, accountId, amountUsdMicros, externalReference, description: "" };
        return forgotten(importLegacy(row));
      }
      case "atomic": {
        const parts = step.items.map((item) => this.posting(item));
        const command = new AtomicCommand(parts.map((part) => part.command));
        const done = (): void => {
          for (const part of parts) part.done();
        };
        return { command, done };
      }
      case "sweep":
        return forgotten(sweep(this.person(step.person)));
      case "pass":
        this.clock.now += BigInt(step.seconds) * MICROS_PER_SECOND;
        return undefined;
    }
  }

  private posting(step: Extract<Step, { kind: "credit" | "debit" | "transfer" }>): Move {
    const transactionId = this.id();
    const common = { request: request(transactionId), transactionId, amountUsdMicros: step.amount };
    const accountId = this.person(step.person);
    switch (step.kind) {
      case "credit": {
        const expireTime = step.lifeSeconds && this.clock.now + BigInt(step.lifeSeconds) * MICROS_PER_SECOND;
        const { priority, category } = step;
        return forgotten(creditOf({ ...common, accountId, priority, category, expireTime }));
      }
      case "debit":
        return { command: debitOf({ ...common, accountId }), done: () => this.refundables.push(transactionId) };
      case "transfer": {
        const toAccountId = this.person((step.person + step.steps) % PEOPLE);
        return forgotten(transferOf({ ...common, fromAccountId: accountId, toAccountId }));
      }
    }
  }

  /** A run costs 100 micros unless its completion says otherwise. */
  private generation(step: Extract<Step, { kind: "generation" }>): Move {
    const generationId = this.id();
    const { spellCreator, creators, placesHold, fallback } = step;
    const spell = spellCreator === null ? undefined : { spellId: "spell", ownerAccountId: this.person(spellCreator) };
    const loras = creators.map((creator, index) => ({ loraId: `lora-${index}`, ownerAccountId: this.person(creator) }));
    const command = generationOf({
      request: request(generationId),
      generationId,
      accountId: this.person(step.person),
      fallbackPayerAccountId: fallback === null ? "" : this.person(fallback),
      tool: { ...RUN_TOOL, pricing: { ...RUN_TOOL.pricing, rateUsd: "0.0001" } },
      attribution: { spell, loras },
      holdId: this.id(),
      placesHold,
    });
    return { command, done: () => this.generations.push(generationId) };
  }

  private person(index: number): string {
    return `${this.name}-${index}`;
  }

  private id(): string {
    return derivedUuid(this.clock.now, `${this.name} ${++this.made}`);
  }
}

function forgotten(command: Command<unknown>): Move {
  return { command, done: () => {} };
}

/** The nth newest, or the oldest; an id of nothing if there are none. */
function nth(pool: readonly string[], recent: number): string {
  return pool.at(-1 - recent) ?? pool[0] ?? "01900000-0000-7000-8000-000000000000";
}
