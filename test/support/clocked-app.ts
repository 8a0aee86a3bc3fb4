import { randomUUID } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import {
  type Client,
  ConnectError,
  createClient,
  createRouterTransport,
  type Interceptor,
  type ServiceImpl,
} from "@connectrpc/connect";
import { vi } from "vitest";
import type { EntryRow } from "../../src/domain/ledger/rows.js";
import { parsePointsRate } from "../../src/domain/points.js";
import { MICROS_PER_DAY, MICROS_PER_SECOND } from "../../src/domain/time.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { type CreditCategory, CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { type FundsPolicy, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { GenerationService } from "../../src/gen/stationthis/generation/v1/generation_service_pb.js";
import { RewardsService } from "../../src/gen/stationthis/rewards/v1/rewards_service_pb.js";
import { Sweeper } from "../../src/ledger/sweeper.js";
import { abandonment } from "../../src/ledger/sweeps/abandonment.js";
import { expiries } from "../../src/ledger/sweeps/expiries.js";
import { UnpaidRetries } from "../../src/ledger/sweeps/unpaid-retries.js";
import { DEFAULT_WRITER_LIMITS, LedgerWriter } from "../../src/ledger/writer.js";
import { toConnectError } from "../../src/rpc/status.js";
import { checkRequest } from "../../src/rpc/validation/check.js";
import { CALL } from "../../src/services/call.js";
import type { ServiceDependencies } from "../../src/services/dependencies.js";
import { economyService } from "../../src/services/economy/economy-service.js";
import { generationService } from "../../src/services/generation/generation-service.js";
import { PageTokens } from "../../src/services/page-token.js";
import { rewardsService } from "../../src/services/rewards/rewards-service.js";
import type { ReadStore } from "../../src/storage/read-store.js";
import type { LedgerStore, Store } from "../../src/storage/store.js";
import { withClock } from "./store-faults.js";
import { type Backend, makeDatabase, type TestDatabase } from "./stores.js";

/** Noon of the first of March 2030, UTC: where the clock of these tests starts. */
const START_MILLISECONDS = Date.UTC(2030, 2, 1, 12);

/** How a test lets two instances, or a read and a write, get in each other's way. */
export interface Interference {
  /** What the setting for retries by themselves is: off unless given here. Defaults of the settings are 7 days for abandonment and 30 for these. */
  readonly autoRetry?: boolean;
  readonly ledger?: (store: LedgerStore) => LedgerStore;
  readonly reads?: (store: Store) => Partial<ReadStore>;
}

export interface CreditOptions {
  readonly requestId?: string;
  readonly source?: CreditSource;
  readonly category?: CreditCategory;
  readonly priority?: number;
  readonly expireTime?: { readonly seconds: bigint; readonly nanos: number };
  readonly externalReference?: string;
}

export interface ToolOptions {
  readonly pricing?: { readonly unit: PricingUnit; readonly rateUsd?: string };
  readonly fundsPolicy?: FundsPolicy;
  readonly defaultEstimate?: {
    readonly amount:
      | { readonly case: "runDuration"; readonly value: { readonly seconds: bigint } }
      | { readonly case: "quantity"; readonly value: bigint };
  };
}

/** The three services in this process, on a store and on a clock that only moves when a test says so. Nothing sweeps by itself. */
export class ClockedApp {
  private constructor(
    readonly database: TestDatabase,
    readonly store: Store,
    readonly writer: LedgerWriter,
    readonly sweeper: Sweeper,
    private readonly retries: UnpaidRetries | undefined,
    private readonly clock: { now: bigint },
    readonly economy: Client<typeof EconomyService>,
    readonly generations: Client<typeof GenerationService>,
    readonly rewards: Client<typeof RewardsService>,
  ) {}

  static async start(backend: Backend, interference: Interference = {}): Promise<ClockedApp> {
    vi.useFakeTimers({ toFake: ["Date"], now: START_MILLISECONDS });
    return ClockedApp.open(await makeDatabase(backend), { now: BigInt(START_MILLISECONDS) * 1_000n }, interference);
  }

  /** Another instance on the same database and the same clock. */
  another(interference: Interference = {}): Promise<ClockedApp> {
    return ClockedApp.open(this.database, this.clock, interference);
  }

  /** Microseconds since the epoch. */
  get now(): bigint {
    return this.clock.now;
  }

  /** Lets time pass, everywhere at once: in the store's clock and in the process's. */
  pass(seconds: number): void {
    this.clock.now += BigInt(Math.round(seconds * 1_000)) * 1_000n;
    vi.setSystemTime(Number(this.clock.now / 1_000n));
  }

  /** A time of the wire so many seconds from now. */
  in(seconds: number): { seconds: bigint; nanos: number } {
    const time = this.clock.now + BigInt(Math.round(seconds * 1_000)) * 1_000n;
    return { seconds: time / MICROS_PER_SECOND, nanos: Number(time % MICROS_PER_SECOND) * 1_000 };
  }

  sweep(): Promise<number> {
    return this.sweeper.sweep(this.clock.now);
  }

  /** Waits until everything is paid that money which arrived could pay for. */
  async retried(): Promise<void> {
    await this.retries?.settled();
  }

  async stop(): Promise<void> {
    await this.retries?.stop();
    await this.writer.close();
    await this.database.destroy();
    vi.useRealTimers();
  }

  /** @returns the credit's answer; by default a deposit */
  credit(accountId: string, amountUsdMicros: bigint, more: CreditOptions = {}) {
    const requestId = randomUUID();
    return this.economy.credit({ requestId, accountId, amountUsdMicros, source: CreditSource.DEPOSIT, ...more });
  }

  debit(accountId: string, amountUsdMicros: bigint, requestId: string = randomUUID()) {
    return this.economy.debit({ requestId, accountId, amountUsdMicros });
  }

  refund(transactionId: string, amount: bigint | "all" = "all", clawBackRewards?: boolean) {
    return this.economy.refundTransaction({
      requestId: randomUUID(),
      transactionId,
      amount: amount === "all" ? { case: "refundAll", value: true } : { case: "amountUsdMicros", value: amount },
      ...(clawBackRewards === undefined ? {} : { clawBackRewards }),
    });
  }

  /** @returns the hold, for an hour unless told */
  async hold(accountId: string, amountUsdMicros: bigint, ttlSeconds = 3_600) {
    const ttl = { seconds: BigInt(ttlSeconds) };
    const { hold } = await this.economy.placeHold({ requestId: randomUUID(), accountId, amountUsdMicros, ttl });
    if (!hold) throw new Error("a placed hold is returned");
    return hold;
  }

  capture(holdId: string, amountUsdMicros: bigint, requestId: string = randomUUID()) {
    return this.economy.captureHold({ requestId, holdId, amountUsdMicros });
  }

  release(holdId: string, requestId: string = randomUUID()) {
    return this.economy.releaseHold({ requestId, holdId });
  }

  /** [balance, held, available, promotional] as GetBalance says it. */
  async balance(accountId: string): Promise<[bigint, bigint, bigint, bigint]> {
    const { balance } = await this.economy.getBalance({ accountId });
    if (!balance) throw new Error("a balance is returned");
    const { balanceUsdMicros, heldUsdMicros, availableUsdMicros, promotionalUsdMicros } = balance;
    return [balanceUsdMicros, heldUsdMicros, availableUsdMicros, promotionalUsdMicros];
  }

  /** What is left of each of an account's grants, in burn order. */
  async remaining(accountId: string, includeSpent = false): Promise<bigint[]> {
    const { creditGrants } = await this.economy.listCreditGrants({ accountId, includeSpent });
    return creditGrants.map((grant) => grant.remainingUsdMicros);
  }

  /** What a platform account has; 0 before its first entry. */
  async platform(accountId: string): Promise<bigint> {
    const { balances } = await this.economy.batchGetBalances({ accountIds: [accountId] });
    return balances[0]?.balanceUsdMicros ?? 0n;
  }

  /** A tool at one micro-USD a second. */
  async tool(toolId: string, more: ToolOptions = {}) {
    const pricing = { unit: PricingUnit.SECOND, rateUsd: "0.000001" };
    await this.generations.upsertTool({ tool: { toolId, pricing, ...more } });
    return toolId;
  }

  private static async open(
    database: TestDatabase,
    clock: { now: bigint },
    { autoRetry = false, ledger = (store) => store, reads = () => ({}) }: Interference = {},
  ): Promise<ClockedApp> {
    const store = await database.open();
    const observer = {
      batchDone() {},
      batchRetried() {},
      posted: (entries: readonly EntryRow[]) => retries?.posted(entries),
    };
    const writer: LedgerWriter = new LedgerWriter(ledger(withClock(store, clock)), DEFAULT_WRITER_LIMITS, observer);
    const retries = autoRetry ? new UnpaidRetries(store, writer, 30n * MICROS_PER_DAY, () => {}) : undefined;
    const sweeps = [expiries(store, writer), abandonment(store, writer, 7n * MICROS_PER_DAY)];
    const dependencies: ServiceDependencies = {
      writer,
      store: { ...store, ...reads(store) },
      points: parsePointsRate("0.000337") ?? { picoUsdPerPoint: 1n },
      pageTokens: new PageTokens(new Uint8Array(32)),
      checkRequest,
      webhookUrlOf: () => "",
    };
    return new ClockedApp(
      database,
      store,
      writer,
      new Sweeper(retries ? [...sweeps, retries] : sweeps, () => {}),
      retries,
      clock,
      clientOf(EconomyService, economyService(dependencies)),
      clientOf(GenerationService, generationService(dependencies)),
      clientOf(RewardsService, rewardsService(dependencies)),
    );
  }
}

/** What a caller learns of a refused call. */
export interface Refusal {
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Names of the fields that can't be taken. */
  readonly fields: readonly string[];
}

/** @throws if the call isn't refused */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  if (!outcome) throw new Error("the call was not refused");
  const [info] = outcome.findDetails(ErrorInfoSchema);
  const violations = outcome.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  return {
    reason: info?.reason ?? outcome.message,
    metadata: info?.metadata ?? {},
    fields: violations.map((violation) => violation.field),
  };
}

/** @throws unless every call is refused */
export function refusalsOf(calls: readonly Promise<unknown>[]): Promise<Refusal[]> {
  return Promise.all(calls.map(refusalOf));
}

/** Behind what every call passes through: errors of the table, checked requests. */
function clientOf<Service extends DescService>(service: Service, implementation: ServiceImpl<Service>) {
  const asServed: Interceptor = (next) => async (request) => {
    request.contextValues.set(CALL, { caller: "tests", correlationId: "none" });
    try {
      if (!request.stream) checkRequest(request.message);
      return await next(request);
    } catch (error) {
      throw toConnectError(error, "none");
    }
  };
  const transport = createRouterTransport((router) => router.service(service, implementation), {
    router: { interceptors: [asServed] },
  });
  return createClient(service, transport);
}
