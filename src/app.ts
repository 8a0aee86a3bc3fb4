import type { Logger } from "pino";
import { webhookRoutes } from "./bridge/webhook-routes.js";
import type { Config } from "./config.js";
import { inProcessClient, openCore } from "./core.js";
import { MICROS_PER_MILLISECOND } from "./domain/time.js";
import { file_google_rpc_error_details as fileErrorDetails } from "./gen/google/rpc/error_details_pb.js";
import { file_google_rpc_status as fileStatus } from "./gen/google/rpc/status_pb.js";
import { ServerReflection } from "./gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionV1Alpha } from "./gen/grpc/reflection/v1alpha/reflection_pb.js";
import { Health } from "./gen/health/v1/health_pb.js";
import { EconomyService } from "./gen/stationthis/economy/v1/economy_service_pb.js";
import { GenerationService } from "./gen/stationthis/generation/v1/generation_service_pb.js";
import { type Sweep, Sweeper } from "./ledger/sweeper.js";
import { abandonment } from "./ledger/sweeps/abandonment.js";
import { expiries } from "./ledger/sweeps/expiries.js";
import { legacyErrorBody, legacyRoutes } from "./legacy-http/legacy-routes.js";
import { startGrpcServer } from "./rpc/grpc-server.js";
import { healthService } from "./rpc/health-service.js";
import { startHttpServer } from "./rpc/http-server.js";
import { type Mounted, mounted } from "./rpc/mounted.js";
import { writerGate } from "./rpc/overload-gate.js";
import { Readiness } from "./rpc/readiness.js";
import { reflectionService } from "./rpc/reflection-service.js";
import type { Metrics } from "./telemetry/metrics.js";

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
  const gate = writerGate(writer, (method) => metrics.callOverloaded(method));
  const served = [...services, ...standardServices(readiness, services)];
  const grpc = await startGrpcServer(config.grpcListen, served, chain, { gate, maxConnectionAgeMs });

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
