import fc from "fast-check";
import { v5 as uuidv5 } from "uuid";
import type { Outcome, Tool } from "../../src/domain/generation/generation.js";
import { RUN_STATUSES, type RunStatus } from "../../src/domain/generation/lifecycle.js";
import type { PricingUnit, Usage } from "../../src/domain/pricing.js";
import type { Command, IdempotentRequest } from "../../src/ledger/command.js";
import { attachRun } from "../../src/ledger/commands/attach-run.js";
import { reportProgress } from "../../src/ledger/commands/report-progress.js";
import { completionOf, creditOf, debitOf, generationOf, RUN_TOOL, request, retryOf } from "./commands.js";
import { loraOf, outputOf } from "./ledger.js";

/*
 * Random command logs. All ids and times come from the log, so that it does the same wherever and however often it is run. No command needs an account that only an
 * earlier one of its batch makes known: such a one is put off, which is a matter of batches.
 */

/** Who the logs are about, creators among them. */
export const USERS = ["user-0", "user-1", "user-2", "user-3"];
const [FIRST, SECOND, THIRD, LAST] = USERS as [string, string, string, string];

/** One line of a log; accounts, generations and runs by number. */
type Action =
  | { readonly kind: "credit"; readonly account: number; readonly micros: bigint; readonly priority: number }
  | { readonly kind: "debit"; readonly account: number; readonly micros: bigint }
  | { readonly kind: "create"; readonly account: number; readonly run: number | null }
  | { readonly kind: "attach"; readonly generation: number; readonly run: number }
  | { readonly kind: "report"; readonly generation: number; readonly status: RunStatus; readonly at: bigint | null }
  | { readonly kind: "complete"; readonly generation: number; readonly outcome: Outcome; readonly usage: Usage }
  | { readonly kind: "retry"; readonly generation: number; readonly payer: number | null };

/** Sends an earlier line once more under its request id, as it was or with something else in it. */
interface Again {
  readonly kind: "again";
  readonly linesBack: number;
  readonly isOther: boolean;
}

export type LogLine = Action | Again;

const GENERATIONS = 12;
/** Some moment, in microseconds since the epoch. */
const THEN = 1_700_000_000_000_000n;

const account = fc.nat(USERS.length - 1);
const generation = fc.nat(GENERATIONS - 1);
const run = fc.nat(7);
const outcome = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Outcome>("SUCCEEDED") },
  { weight: 1, arbitrary: fc.constantFrom<Outcome>("FAILED", "TIMED_OUT", "CANCELLED") },
);
const usage: fc.Arbitrary<Usage> = fc.oneof(
  fc.constant({}),
  fc.record({ finalCostUsdMicros: fc.bigInt(1n, 3n) }),
  fc.record({ runDurationMicros: fc.bigInt(0n, 60_000_000n) }),
  fc.record({ quantity: fc.bigInt(0n, 50_000n) }),
);

const credit = fc.record({ account, micros: fc.bigInt(1n, 30_000n), priority: fc.constantFrom(10, 50, 90) });
/** Small ones let grants pile up, large ones burn more of them than a batch loads at first. */
const debited = fc.oneof(
  { weight: 3, arbitrary: fc.bigInt(1n, 20_000n) },
  { weight: 1, arbitrary: fc.bigInt(150_000n, 600_000n) },
);
const debit = fc.record({ account, micros: debited });
const create = fc.record({ account, run: fc.option(run) });
const attach = fc.record({ generation, run });
const report = fc.record({
  generation,
  status: fc.constantFrom(...RUN_STATUSES),
  at: fc.option(fc.bigInt(THEN, THEN + 90_000_000n)),
});
const complete = fc.record({ generation, outcome, usage });
const retry = fc.record({ generation, payer: fc.option(account) });
const again = fc.record({ linesBack: fc.nat(40), isOther: fc.nat(4).map((chance) => chance === 0) });

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: credit.map((line) => ({ kind: "credit" as const, ...line })) },
  { weight: 4, arbitrary: debit.map((line) => ({ kind: "debit" as const, ...line })) },
  { weight: 1, arbitrary: create.map((line) => ({ kind: "create" as const, ...line })) },
  { weight: 1, arbitrary: attach.map((line) => ({ kind: "attach" as const, ...line })) },
  { weight: 1, arbitrary: report.map((line) => ({ kind: "report" as const, ...line })) },
  { weight: 1, arbitrary: complete.map((line) => ({ kind: "complete" as const, ...line })) },
  { weight: 1, arbitrary: retry.map((line) => ({ kind: "retry" as const, ...line })) },
);
const line: fc.Arbitrary<LogLine> = fc.oneof(
  { weight: 6, arbitrary: action },
  { weight: 1, arbitrary: again.map((line) => ({ kind: "again" as const, ...line })) },
);

/** Logs of 300 to 600 lines. */
export const commandLog = fc.array(line, { minLength: 300, maxLength: 600, size: "max" });

/** The commands of a log, made anew. */
export function commandsOf(log: readonly LogLine[]): Command<unknown>[] {
  return log.map((_, index) => commandAt(log, index));
}

function commandAt(log: readonly LogLine[], index: number): Command<unknown> {
  const [action, source] = actionAt(log, index);
  const each = log[index];
  const isOther = each?.kind === "again" && each.isOther;
  const id = idOf(`line-${index}`);
  return commandOf(action, id, request(`line-${source}`, isOther ? "something else" : `line-${source}`));
}

/** What a line does, and the line that said it first. */
function actionAt(log: readonly LogLine[], index: number): [Action, number] {
  const each = log[index];
  if (each === undefined) return [{ kind: "debit", account: 0, micros: 1n }, index];
  return each.kind === "again" ? actionAt(log, index - 1 - each.linesBack) : [each, index];
}

/** @param id of whatever it makes */
function commandOf(action: Action, id: string, request: IdempotentRequest): Command<unknown> {
  switch (action.kind) {
    case "credit": {
      const isGift = action.priority === 10;
      return creditOf({
        request,
        transactionId: id,
        accountId: userOf(action.account),
        amountUsdMicros: action.micros,
        priority: action.priority,
        category: isGift ? "PROMOTIONAL" : "PAID",
        source: isGift ? "PROMOTION" : "DEPOSIT",
        externalReference: action.micros % 5n === 0n ? `payment-${action.micros % 100n}` : "",
      });
    }
    case "debit": {
      const { micros: amountUsdMicros } = action;
      return debitOf({ request, transactionId: id, accountId: userOf(action.account), amountUsdMicros });
    }
    case "create": {
      const runId = action.run === null ? "" : runOf(action.run);
      return generationOf({ request, generationId: id, accountId: userOf(action.account), runId });
    }
    case "attach":
      return attachRun({ generationId: generationIdOf(action.generation), runId: runOf(action.run) });
    case "report":
      return reportProgress(
        { generationId: generationIdOf(action.generation), runId: "" },
        {
          status: action.status,
          liveStatus: action.status,
          outputs: [outputOf(`${id}.png`)],
          observeTime: action.at ?? undefined,
        },
      );
    case "complete":
      return completionOf(generationIdOf(action.generation), {
        transactionId: id,
        outcome: action.outcome,
        usage: action.usage,
        outputs: [outputOf(`${action.generation}.png`)],
        endTime: THEN + 60_000_000n,
      });
    case "retry": {
      const payerAccountId = action.payer === null ? "" : userOf(action.payer);
      return retryOf({ request, transactionId: id, generationId: generationIdOf(action.generation), payerAccountId });
    }
  }
}

/**
 * What every log starts from: user-0 has 40 small open grants, more than a batch loads at first, and 12 generations of different tools, payers and creators
 * wait for their end.
 */
export function commandsBefore(): Command<unknown>[] {
  const small = Array.from({ length: 40 }, (_, index) =>
    creditOf({ ...named(`small-${index}`), accountId: FIRST, amountUsdMicros: 5_000n, priority: 40 }),
  );
  const generations = Array.from({ length: GENERATIONS }, (_, index) =>
    generationOf({
      request: request(`before-${index}`),
      generationId: generationIdOf(index),
      accountId: userOf(index),
      payerAccountId: userOf(index % 3),
      fallbackPayerAccountId: index % 2 === 0 ? LAST : "",
      tool: toolOf(index),
      attribution: {
        ...(index % 4 === 1 ? { spell: { spellId: "spell", ownerAccountId: THIRD } } : {}),
        loras: [loraOf(SECOND), loraOf(THIRD), loraOf("")].slice(0, index % 4),
      },
    }),
  );
  return [...small, ...generations];
}

function toolOf(index: number): Tool {
  const units: PricingUnit[] = ["RUN", "SECOND", "TOKEN", "FREE"];
  const unit = units[index % units.length] as PricingUnit;
  const rateUsd = { RUN: "0.05", SECOND: "0.001", TOKEN: "0.000002", FREE: "" }[unit];
  return { ...RUN_TOOL, toolId: unit, pricing: { unit, rateUsd, multiplier: "1", minimumChargeUsdMicros: 7n } };
}

/** Ids of the generations that wait at the start of a log, and of all those that it may make. */
export function generationIdsOf(log: readonly LogLine[]): string[] {
  const waiting = Array.from({ length: GENERATIONS }, (_, index) => generationIdOf(index));
  const made = log.flatMap((_, index) => (actionAt(log, index)[0].kind === "create" ? [idOf(`line-${index}`)] : []));
  return [...waiting, ...made];
}

function named(name: string) {
  return { request: request(name), transactionId: idOf(name) };
}

function userOf(index: number): string {
  return USERS[index % USERS.length] as string;
}

function runOf(index: number): string {
  return `run-${index}`;
}

function generationIdOf(index: number): string {
  return idOf(`generation-${index}`);
}

function idOf(name: string): string {
  return uuidv5(name, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
}
