import type { MethodImpl } from "@connectrpc/connect";
import { v7 as uuidv7 } from "uuid";
import { TollgateError } from "../../domain/errors.js";
import { holdAt } from "../../domain/ledger/as-of.js";
import type { Hold, HoldState as HoldStateName } from "../../domain/ledger/rows.js";
import { HoldState } from "../../gen/stationthis/economy/v1/economy_pb.js";
import {
  CaptureHoldRequestSchema,
  type EconomyService,
  ListHoldsRequestSchema,
  PlaceHoldRequestSchema,
  ReleaseHoldRequestSchema,
} from "../../gen/stationthis/economy/v1/economy_service_pb.js";
import { captureHold as captureCommand, releaseHold as releaseCommand } from "../../ledger/commands/end-hold.js";
import { placeHold as placeCommand } from "../../ledger/commands/place-hold.js";
import type { ReadStore } from "../../storage/read-store.js";
import { callOf, markReplayed, submitterOf } from "../call.js";
import { toBalance, toHold, toTransaction } from "../convert/economy.js";
import { fromDuration, nowMicros } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";
import { pageSizeOf } from "../page-token.js";
import { idempotentRequest, pageBinding } from "../requests.js";
import { requireAccount } from "./accounts.js";
import { requireTransaction } from "./transactions.js";

const DEFAULT_TTL_MICROS = 3_600_000_000n;

export function placeHold({
  writer,
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.placeHold> {
  return async (request, context) => {
    const { accountId, amountUsdMicros, ttl, description } = request;
    const command = placeCommand({
      request: idempotentRequest(PlaceHoldRequestSchema, request, callOf(context).caller),
      holdId: uuidv7(),
      accountId,
      amountUsdMicros,
      ttlMicros: ttl ? fromDuration(ttl) : DEFAULT_TTL_MICROS,
      description,
    });
    const done = await writer.submit(command, submitterOf(context));
    if (done.kind === "done") {
      return { hold: toHold(done.hold), balance: toBalance(accountId, [done.account], points) };
    }
    if (done.isReplay) markReplayed(context);
    const hold = await requireHold(store, done.resourceId);
    const asPlaced: Hold = { ...hold, state: "ACTIVE", capturedUsdMicros: 0n };
    return { hold: toHold(asPlaced), balance: toBalance(accountId, await requireAccount(store, accountId), points) };
  };
}

export function captureHold({
  writer,
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.captureHold> {
  return async (request, context) => {
    const { holdId, amountUsdMicros, toolId, description } = request;
    const command = captureCommand({
      request: idempotentRequest(CaptureHoldRequestSchema, request, callOf(context).caller),
      transactionId: uuidv7(),
      holdId,
      amountUsdMicros,
      toolId,
      description,
    });
    const done = await writer.submit(command, submitterOf(context));
    if (done.kind === "done") {
      const { posted, hold, account } = done;
      const balance = toBalance(hold.accountId, [account], points);
      return { transaction: toTransaction(posted), hold: toHold(hold), balance };
    }
    if (done.isReplay) markReplayed(context);
    const hold = await requireHold(store, holdId);
    return {
      transaction: toTransaction(await requireTransaction(store, done.resourceId)),
      hold: toHold(hold),
      balance: toBalance(hold.accountId, await requireAccount(store, hold.accountId), points),
    };
  };
}

export function releaseHold({
  writer,
  store,
  points,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.releaseHold> {
  return async (request, context) => {
    const keyed = idempotentRequest(ReleaseHoldRequestSchema, request, callOf(context).caller);
    const done = await writer.submit(releaseCommand({ request: keyed, holdId: request.holdId }), submitterOf(context));
    if (done.kind === "done") {
      return { hold: toHold(done.hold), balance: toBalance(done.hold.accountId, [done.account], points) };
    }
    markReplayed(context);
    const hold = await requireHold(store, done.resourceId);
    const rows = await requireAccount(store, hold.accountId);
    return { hold: toHold(hold), balance: toBalance(hold.accountId, rows, points) };
  };
}

export function getHold({ store }: ServiceDependencies): MethodImpl<typeof EconomyService.method.getHold> {
  return async ({ holdId }) => ({ hold: toHold(holdAt(await requireHold(store, holdId), nowMicros())) });
}

export function listHolds({
  store,
  pageTokens,
}: ServiceDependencies): MethodImpl<typeof EconomyService.method.listHolds> {
  return async (request, context) => {
    const binding = pageBinding(ListHoldsRequestSchema, request, callOf(context).caller);
    const cursor = pageTokens.read(request.pageToken, binding)?.[0];
    const states = request.states.map((state) => HoldState[state] as HoldStateName);
    // One that is over may still be stored as ACTIVE, so a filter on EXPIRED has to read those too.
    const stored = states.includes("EXPIRED") ? [...states, "ACTIVE" as const] : states;
    const page = await store.listHolds(request.accountId, stored, cursor, pageSizeOf(request.pageSize));
    const now = nowMicros();
    const holds = page.rows.map((hold) => holdAt(hold, now));
    return {
      holds: holds.filter((hold) => states.length === 0 || states.includes(hold.state)).map(toHold),
      nextPageToken: page.next === undefined ? "" : pageTokens.issue([page.next], binding),
    };
  };
}

/** @throws TollgateError HOLD_NOT_FOUND */
async function requireHold(store: ReadStore, holdId: string): Promise<Hold> {
  const hold = await store.hold(holdId);
  if (!hold) throw TollgateError.of("HOLD_NOT_FOUND", { hold_id: holdId });
  return hold;
}
