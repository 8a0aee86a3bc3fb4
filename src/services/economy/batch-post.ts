import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MethodImpl } from "@connectrpc/connect";
import { publicAccountId } from "../../domain/accounts.js";
import { TollgateError } from "../../domain/errors.js";
import type { Account, TransactionWithEntries } from "../../domain/ledger/rows.js";
import type {
  BatchPostItem,
  BatchPostRequest,
  BatchPostResultSchema,
  EconomyService,
} from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import type { Command, Idempotent } from "../../ledger/command.js";
import { AtomicCommand } from "../../ledger/commands/atomic.js";
import type { Submitter } from "../../ledger/writer.js";
import { callOf, submitterOf } from "../call.js";
import { toBalance, toTransaction } from "../convert/economy.js";
import type { ServiceDependencies } from "../dependencies.js";
import { abortedStatus, toStatus } from "../error-details.js";
import { requireAccount } from "./accounts.js";
import { creditCommandOf } from "./credit.js";
import { debitCommandOf } from "./debit.js";
import { requireTransaction } from "./transactions.js";
import { transferCommandOf } from "./transfer.js";

type Result = MessageInitShape<typeof BatchPostResultSchema>;
type Posting = Idempotent<{ readonly posted: TransactionWithEntries; readonly account: Account }>;

export function batchPost(dependencies: ServiceDependencies): MethodImpl<typeof EconomyService.method.batchPost> {
  return async (request, context) => {
    const { caller } = callOf(context);
    const results = request.atomic
      ? await postAtomically(dependencies, request, caller, submitterOf(context))
      : await Promise.all(request.items.map((item) => postOne(dependencies, item, caller, submitterOf(context))));
    return { results };
  };
}

/** A refusal is the result of its item alone. No async function, of which each would keep a promise and more for every posting on its way. */
function postOne(
  dependencies: ServiceDependencies,
  item: BatchPostItem,
  caller: string,
  submitter: Submitter,
): Promise<Result> | Result {
  let command: Command<Posting>;
  try {
    command = commandOf(dependencies, item, caller);
  } catch (error) {
    return refusedAlone(error);
  }
  return dependencies.writer
    .submit(command, submitter)
    .then((posting) => toResult(dependencies, item, posting))
    .catch(refusedAlone);
}

async function postAtomically(
  dependencies: ServiceDependencies,
  { items }: BatchPostRequest,
  caller: string,
  submitter: Submitter,
): Promise<Result[]> {
  const refusals = (refusedItem: number, error: TollgateError): Result[] =>
    items.map((_, index) => statusResult(index === refusedItem ? toStatus(error) : abortedStatus(refusedItem)));
  const commands: Command<Posting>[] = [];
  for (const [index, item] of items.entries()) {
    try {
      commands.push(commandOf(dependencies, item, caller));
    } catch (error) {
      if (error instanceof TollgateError) return refusals(index, error);
      throw error;
    }
  }
  const atomic = new AtomicCommand(commands);
  try {
    const postings = await dependencies.writer.submit(atomic, submitter);
    return await Promise.all(
      postings.map((posting, index) => toResult(dependencies, items[index] as BatchPostItem, posting)),
    );
  } catch (error) {
    if (error instanceof TollgateError && atomic.refusedIndex !== undefined) {
      return refusals(atomic.refusedIndex, error);
    }
    throw error;
  }
}

/** @throws TollgateError INVALID_FIELDS */
function commandOf(dependencies: ServiceDependencies, { item }: BatchPostItem, caller: string): Command<Posting> {
  if (item.case === undefined) {
    throw TollgateError.invalid([{ field: "item", description: "takes a debit, a credit or a transfer" }]);
  }
  dependencies.checkRequest(item.value);
  switch (item.case) {
    case "debit":
      return debitCommandOf(item.value, caller);
    case "credit":
      return creditCommandOf(item.value, caller);
    case "transfer":
      return payersSide(transferCommandOf(item.value, caller));
  }
}

/** A transfer whose answer is about its payer, like the other items'. */
function payersSide(command: ReturnType<typeof transferCommandOf>): Command<Posting> {
  return {
    ...command,
    accounts: (references) => command.accounts(references),
    apply(set) {
      const done = command.apply(set);
      return done.kind === "done" ? { kind: "done", posted: done.posted, account: done.from } : done;
    },
  };
}

function toResult(dependencies: ServiceDependencies, item: BatchPostItem, posting: Posting): Result | Promise<Result> {
  if (posting.kind !== "done") return recordedResult(dependencies, item, posting);
  const balance = toBalance(publicAccountId(posting.account.accountId), [posting.account], dependencies.points);
  const posted = { transaction: toTransaction(posting.posted), balance, replayed: false };
  return { result: { case: "posted", value: posted } };
}

/** Of a posting that was there before: its transaction, and the balance as it is now. */
async function recordedResult(
  { store, points }: ServiceDependencies,
  { item }: BatchPostItem,
  recorded: Exclude<Posting, { kind: "done" }>,
): Promise<Result> {
  const accountId = item.case === "transfer" ? item.value.fromAccountId : (item.value?.accountId ?? "");
  const transaction = toTransaction(await requireTransaction(store, recorded.resourceId));
  const balance = toBalance(accountId, await requireAccount(store, accountId), points);
  return { result: { case: "posted", value: { transaction, balance, replayed: recorded.isReplay } } };
}

function refusedAlone(error: unknown): Result {
  if (error instanceof TollgateError) return statusResult(toStatus(error));
  throw error;
}

function statusResult(value: ReturnType<typeof toStatus>): Result {
  return { result: { case: "status", value } };
}
