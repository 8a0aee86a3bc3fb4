import { hkdfSync } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { WEBHOOK_PATH, WebhookTokens } from "./bridge/webhook-token.js";
import type { Config } from "./config.js";
import { EconomyService } from "./gen/stationthis/economy/v1/economy_service_pb.js";
import { GenerationService } from "./gen/stationthis/generation/v1/generation_service_pb.js";
import { RewardsService } from "./gen/stationthis/rewards/v1/rewards_service_pb.js";
import { UnpaidRetries } from "./ledger/sweeps/unpaid-retries.js";
import { DEFAULT_WRITER_LIMITS, LedgerWriter } from "./ledger/writer.js";
import { interceptors } from "./rpc/interceptors.js";
import { type Mounted, mounted } from "./rpc/mounted.js";
import { checkRequest } from "./rpc/validation/check.js";
import type { ServiceDependencies } from "./services/dependencies.js";
import { economyService } from "./services/economy/economy-service.js";
import { generationService } from "./services/generation/generation-service.js";
import { PageTokens } from "./services/page-token.js";
import { rewardsService } from "./services/rewards/rewards-service.js";
import { openStore } from "./storage/open.js";
import type { Store } from "./storage/store.js";
import { Metrics } from "./telemetry/metrics.js";

/** Everything but the servers. */
export interface Core {
  readonly store: Store;
  readonly writer: LedgerWriter;
  readonly services: readonly Mounted[];
  readonly chain: Interceptor[];
  readonly tokens: WebhookTokens;
  readonly metrics: Metrics;
  /** Undefined if the setting is off. */
  readonly retries: UnpaidRetries | undefined;
  /** Base of webhook URLs: known only once the HTTP address is, if no setting says it. */
  readonly urls: { public: string | undefined };
  close(): Promise<void>;
}

/** @param worker its name in the metrics, if it is one of several processes */
export async function openCore(config: Config, log: Logger, worker?: string): Promise<Core> {
  const store = openStore(config.databaseUrl);
  await store.migrate();
  const secret = config.secret ?? (await store.storedSecret());
  const tokens = new WebhookTokens(derivedKey(secret, "webhook-tokens"));
  const metrics: Metrics = new Metrics(() => writer.waiting, worker);
  const writer: LedgerWriter = new LedgerWriter(store, DEFAULT_WRITER_LIMITS, {
    batchDone(batch) {
      metrics.batchDone(batch);
      log.debug(batch, "batch committed");
    },
    batchRetried(error) {
      metrics.batchRetried(error.kind);
      log.warn({ err: error }, "batch tried again");
    },
    posted: (entries) => retries?.posted(entries),
  });
  const onRetryError = (error: unknown): void => log.warn({ err: error }, "a payment could not be tried again");
  const retries = config.autoRetry ? new UnpaidRetries(store, writer, config.autoRetryMaxAge, onRetryError) : undefined;
  const urls = { public: config.publicUrl?.replace(/\/+$/, "") };
  const services = ourServices({
    writer,
    store,
    points: config.usdPerPoint,
    pageTokens: new PageTokens(derivedKey(secret, "page-tokens")),
    checkRequest,
    webhookUrlOf: (generationId) => `${urls.public}${WEBHOOK_PATH}/${tokens.issue(generationId)}`,
  });
  return {
    store,
    writer,
    services,
    chain: interceptors(log, metrics),
    tokens,
    metrics,
    retries,
    urls,
    async close() {
      await retries?.stop();
      await writer.close();
      await store.close();
    },
  };
}

function ourServices(dependencies: ServiceDependencies): Mounted[] {
  return [
    mounted(EconomyService, economyService(dependencies)),
    mounted(GenerationService, generationService(dependencies)),
    mounted(RewardsService, rewardsService(dependencies)),
  ];
}

/** Clients of the services in this process: the same handlers behind the same interceptors, without a socket. */
export interface LocalClients {
  readonly economy: Client<typeof EconomyService>;
  readonly generations: Client<typeof GenerationService>;
}

/** Opens the store, lends its services to a command of the CLI, and closes it again. */
export async function withServices<T>(
  config: Config,
  log: Logger,
  work: (clients: LocalClients) => Promise<T>,
): Promise<T> {
  const core = await openCore(config, log);
  try {
    return await work({
      economy: inProcessClient(core, EconomyService),
      generations: inProcessClient(core, GenerationService),
    });
  } finally {
    await core.close();
  }
}

/** A client of one of the services. */
export function inProcessClient<Service extends DescService>(core: Core, service: Service): Client<Service> {
  const transport = createRouterTransport(
    (router) => {
      for (const each of core.services) router.service(each.service, each.implementation);
    },
    { router: { interceptors: core.chain } },
  );
  return createClient(service, transport);
}

/** A key of its own for each purpose, so that one kind of token can't pass for another. */
export function derivedKey(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, "tollgate", purpose, 32));
}
