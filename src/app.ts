import { hkdfSync } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import type { Logger } from "pino";
import { webhookRoutes } from "./bridge/webhook-routes.js";
import { WEBHOOK_PATH, WebhookTokens } from "./bridge/webhook-token.js";
import type { Config } from "./config.js";
import { MICROS_PER_MILLISECOND } from "./domain/time.js";
import { file_google_rpc_error_details as fileErrorDetails } from "./gen/google/rpc/error_details_pb.js";
import { file_google_rpc_status as fileStatus } from "./gen/google/rpc/status_pb.js";
import { ServerReflection } from "./gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionV1Alpha } from "./gen/grpc/reflection/v1alpha/reflection_pb.js";
import { Health } from "./gen/health/v1/health_pb.js";
import { EconomyService } from "./gen/stationthis/economy/v1/economy_service_pb.js";
import { GenerationService } from "./gen/stationthis/generation/v1/generation_service_pb.js";
import { RewardsService } from "./gen/stationthis/rewards/v1/rewards_service_pb.js";
import { type Sweep, Sweeper } from "./ledger/sweeper.js";
import { abandonment } from "./ledger/sweeps/abandonment.js";
import { expiries } from "./ledger/sweeps/expiries.js";
import { UnpaidRetries } from "./ledger/sweeps/unpaid-retries.js";
import { DEFAULT_WRITER_LIMITS, LedgerWriter } from "./ledger/writer.js";
import { legacyErrorBody, legacyRoutes } from "./legacy-http/legacy-routes.js";
import { type Mounted, mounted, startGrpcServer } from "./rpc/grpc-server.js";
import { healthService } from "./rpc/health-service.js";
import { startHttpServer } from "./rpc/http-server.js";
import { interceptors } from "./rpc/interceptors.js";
import { writerGate } from "./rpc/overload-gate.js";
import { Readiness } from "./rpc/readiness.js";
import { reflectionService } from "./rpc/reflection-service.js";
import { checkRequest } from "./rpc/validation/check.js";
import type { ServiceDependencies } from "./services/dependencies.js";
import { economyService } from "./services/economy/economy-service.js";
import { generationService } from "./services/generation/generation-service.js";
import { PageTokens } from "./services/page-token.js";
import { rewardsService } from "./services/rewards/rewards-service.js";
import { openStore } from "./storage/open.js";
import type { Store } from "./storage/store.js";
import { Metrics } from "./telemetry/metrics.js";

/** A running service. */
export interface App {
  /** "127.0.0.1:50051" */
  readonly grpcAddress: string;
  /** "http://127.0.0.1:8080" */
  readonly httpUrl: string;
  /** The metrics of this process. */
  readonly metrics: Metrics;
  /** Stops taking calls, finishes those in flight, flushes and closes; at most about 9 s. */
  stop(): Promise<void>;
}

/** A process that is one of several behind the same ports. */
export interface Worker {
  /** "1", "2", …: its label in /metrics. One that takes the place of another gets its name. */
  readonly name: string;
  /** What /metrics answers with: Prometheus' text for all workers. @param own for when the others can't be asked */
  scrape(own: () => Promise<string>): Promise<string>;
}

/** What is left of the 10 s that a stop may take, once the store is to be closed. */
const SERVERS_DEADLINE_MS = 8_000;

/**
 * Composes the service: config → store → writer → services → servers, and starts it.
 * @param worker set if other processes share its ports
 * @throws if the store can't be reached or an address is taken
 */
export async function startApp(config: Config, log: Logger, worker?: Worker): Promise<App> {
  const core = await openCore(config, log, worker?.name);
  const { store, writer, services, chain, metrics, retries } = core;
  const sweeps: Sweep[] = [expiries(store, writer), abandonment(store, writer, config.abandonAfter)];
  const sweeper = new Sweeper(retries ? [...sweeps, retries] : sweeps, (error) =>
    log.warn({ err: error }, "the sweep failed"),
  );
  const readiness = new Readiness(store);
  const maxConnectionAgeMs = Number(config.connectionMaxAge / MICROS_PER_MILLISECOND);
  const metricsText = () => (worker ? worker.scrape(() => metrics.text()) : metrics.text());
  const http = await startHttpServer({
    listen: config.httpListen,
    services,
    interceptors: chain,
    readiness,
    errorBody: legacyErrorBody,
    maxConnectionAgeMs,
    publicHosts: config.publicUrl ? [new URL(config.publicUrl).hostname] : [],
    routes(server) {
      server.get("/metrics", async (_, reply) => reply.type(metrics.contentType).send(await metricsText()));
      webhookRoutes(server, {
        generations: inProcessClient(core, GenerationService),
        tokens: core.tokens,
        onResult(result, generationId) {
          metrics.webhookDone(result);
          log.info({ result, generationId }, "webhook");
        },
      });
      legacyRoutes(server, {
        economy: inProcessClient(core, EconomyService),
        generations: inProcessClient(core, GenerationService),
        points: config.usdPerPoint,
        // No API keys are configured, which is only possible on loopback: any value passes.
        isClientKey: () => true,
        onDefect: (error, requestId) => log.error({ err: error, requestId }, "a legacy call failed"),
      });
    },
  });
  core.urls.public ??= http.url;
  const gate = writerGate(
    () => core.writer.takesMore,
    (method) => metrics.callDone(`${method.parent.typeName}/${method.name}`, "ResourceExhausted", 0),
  );
  const served = [...services, ...standardServices(readiness, services)];
  const grpc = await startGrpcServer(config.grpcListen, served, chain, gate, maxConnectionAgeMs);

  sweeper.start();
  return {
    grpcAddress: grpc.address,
    httpUrl: http.url,
    metrics,
    async stop() {
      readiness.drain();
      await Promise.all([grpc.stop(SERVERS_DEADLINE_MS), http.stop(SERVERS_DEADLINE_MS)]);
      await Promise.all([sweeper.stop(), retries?.stop()]);
      await core.close();
    },
  };
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

/** Everything but the servers. */
interface Core {
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

/** @param worker its label in the metrics, if it is one of several */
async function openCore(config: Config, log: Logger, worker?: string): Promise<Core> {
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

/** Health and reflection, for gRPC clients. */
function standardServices(readiness: Readiness, ours: readonly Mounted[]): Mounted[] {
  const names = ours.map(({ service }) => service.typeName);
  const files = [...ours.map(({ service }) => service.file), Health.file, fileStatus, fileErrorDetails];
  const reflection = reflectionService(files);
  return [
    mounted(Health, healthService(readiness, names)),
    mounted(ServerReflection, reflection),
    mounted(ServerReflectionV1Alpha, reflection as never),
  ];
}

function inProcessClient<Service extends DescService>(core: Core, service: Service): Client<Service> {
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
