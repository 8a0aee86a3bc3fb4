import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { pino } from "pino";
import { type App, startApp } from "../../src/app.js";
import { type Config, readConfig } from "../../src/config.js";
import { EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { GenerationService } from "../../src/gen/stationthis/generation/v1/generation_service_pb.js";
import { RewardsService } from "../../src/gen/stationthis/rewards/v1/rewards_service_pb.js";
import { type Backend, makeDatabase, type TestDatabase } from "./stores.js";

/** Typed gRPC clients. */
export interface TestClients {
  readonly economy: Client<typeof EconomyService>;
  readonly generations: Client<typeof GenerationService>;
  readonly rewards: Client<typeof RewardsService>;
}

/** A service on a database and free ports of its own, wherever it runs. */
export interface Served extends TestClients {
  readonly database: TestDatabase;
  stop(): Promise<void>;
}

/** One in this process, as `tollgate serve` composes it for the backend. */
export interface TestApp extends Served {
  readonly app: App;
}

export const TEST_SECRET = "a secret that is only used in tests";

export function testConfig(databaseUrl: string): Config {
  return readConfig({
    TOLLGATE_DATABASE_URL: databaseUrl,
    TOLLGATE_GRPC_LISTEN: "127.0.0.1:0",
    TOLLGATE_HTTP_LISTEN: "127.0.0.1:0",
    TOLLGATE_SECRET: TEST_SECRET,
    TOLLGATE_LOG_LEVEL: "silent",
  });
}

export async function startTestApp(backend: Backend, settings: Partial<Config> = {}): Promise<TestApp> {
  const database = await makeDatabase(backend);
  const config = { ...testConfig(database.url), ...settings };
  const app = await startApp(config, pino({ level: "silent" }));
  const transport = createGrpcTransport({ baseUrl: `http://${app.grpcAddress}` });
  return {
    app,
    database,
    ...clientsOver(transport),
    async stop() {
      await app.stop();
      await database.destroy();
    },
  };
}

export function clientsOver(transport: Transport): TestClients {
  return {
    economy: createClient(EconomyService, transport),
    generations: createClient(GenerationService, transport),
    rewards: createClient(RewardsService, transport),
  };
}
