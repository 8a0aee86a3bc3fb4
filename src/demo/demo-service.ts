import { randomBytes } from "node:crypto";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { startApp } from "../app.js";
import { makeLog } from "../cli/log.js";
import { readConfig } from "../config.js";
import type { PointsRate } from "../domain/points.js";
import { EconomyService } from "../gen/stationthis/economy/v1/economy_service_pb.js";
import { GenerationService } from "../gen/stationthis/generation/v1/generation_service_pb.js";
import { RewardsService } from "../gen/stationthis/rewards/v1/rewards_service_pb.js";

/** A service in this process, and what a client of it has. */
export interface DemoService {
  readonly grpcAddress: string;
  readonly httpUrl: string;
  readonly economy: Client<typeof EconomyService>;
  readonly generations: Client<typeof GenerationService>;
  readonly rewards: Client<typeof RewardsService>;
  readonly points: PointsRate;
  /** The id that somebody or something of this name has in this store. */
  readonly idOf: (name: string) => string;
  stop(): Promise<void>;
}

const CALL_TIMEOUT_MS = 10_000;

/**
 * Starts the service on free loopback ports and dials it over gRPC. The environment's settings don't count: the demo plays the same everywhere.
 * @param suffix put behind every id, so that a store may see more than one demo
 */
export async function startDemoService(databaseUrl: string, suffix: string): Promise<DemoService> {
  const config = readConfig(
    {},
    {
      databaseUrl,
      grpcListen: "127.0.0.1:0",
      httpListen: "127.0.0.1:0",
      secret: randomBytes(32).toString("hex"),
      logLevel: "warn",
    },
  );
  const app = await startApp(config, makeLog(config.logLevel));
  const transport = createGrpcTransport({ baseUrl: `http://${app.grpcAddress}`, defaultTimeoutMs: CALL_TIMEOUT_MS });
  return {
    grpcAddress: app.grpcAddress,
    httpUrl: app.httpUrl,
    economy: createClient(EconomyService, transport),
    generations: createClient(GenerationService, transport),
    rewards: createClient(RewardsService, transport),
    points: config.usdPerPoint,
    idOf: (name) => name + suffix,
    stop: () => app.stop(),
  };
}
