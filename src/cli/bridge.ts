import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { Command } from "commander";
import { startBridge } from "../bridge/bridge-server.js";
import { repeatRefused } from "../bridge/repeat-refused.js";
import { WebhookTokens } from "../bridge/webhook-token.js";
import { ConfigError, requireLoopback, SETTINGS } from "../config.js";
import { derivedKey } from "../core.js";
import { GenerationService } from "../gen/stationthis/generation/v1/generation_service_pb.js";
import { makeLog } from "./log.js";
import { commandWithSettings, configFrom } from "./settings.js";

/** A webhook waits at most this long for the service; the provider gives up after 20 s. */
const CALL_TIMEOUT_MS = 15_000;

/** Webhooks in flight when it stops are cut off after this. */
const STOP_DEADLINE_MS = 8_000;

export function bridgeCommand(): Command {
  return commandWithSettings(
    "bridge",
    "Takes ComfyDeploy webhooks over HTTP and makes calls of them to a remote service over gRPC. Needs the service's TOLLGATE_SECRET.",
    ["httpListen", "secret", "logLevel"],
  )
    .requiredOption("--target <host:port>", "gRPC address of the service")
    .action(bridge);
}

async function bridge(options: Readonly<Record<string, string | undefined>>): Promise<void> {
  const { target = "" } = options;
  const config = configFrom(options);
  if (config.secret === undefined) {
    throw new ConfigError(`${SETTINGS.secret.environment} got nothing and takes the secret of the service`);
  }
  requireLoopback(SETTINGS.httpListen, config.httpListen);
  const log = makeLog(config.logLevel);
  const transport = createGrpcTransport({
    baseUrl: `http://${target}`,
    defaultTimeoutMs: CALL_TIMEOUT_MS,
    interceptors: [repeatRefused],
  });
  const server = await startBridge(config.httpListen, {
    generations: createClient(GenerationService, transport),
    tokens: new WebhookTokens(derivedKey(config.secret, "webhook-tokens")),
    onResult: (result, generationId) => log.info({ result, generationId }, "webhook"),
  });
  const stop = (): void => {
    server.stop(STOP_DEADLINE_MS).then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.stdout.write(`tollgate bridge is ready: webhooks on ${server.url}, calls to ${target}\n`);
}
