import { v7 as uuidv7 } from "uuid";
import { WEBHOOK_PATH, WebhookTokens } from "../../src/bridge/webhook-token.js";
import { derivedKey } from "../../src/core.js";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { type Generation, PricingUnit } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { startTestApp, TEST_SECRET, type TestApp } from "./app.js";
import type { Backend } from "./stores.js";

/** A generation that waits for its webhooks. */
export interface Awaited {
  readonly accountId: string;
  readonly generationId: string;
  readonly webhookUrl: string;
  /** Not attached yet. */
  readonly runId: string;
}

/** A service with a tool "flux" that costs a cent a run, and short ways to make and see generations. */
export class WebhookTest {
  /** The service's own way to make tokens. */
  readonly tokens = new WebhookTokens(derivedKey(TEST_SECRET, "webhook-tokens"));

  private constructor(readonly app: TestApp) {}

  static async start(backend: Backend): Promise<WebhookTest> {
    const app = await startTestApp(backend);
    await app.generations.upsertTool({ tool: { toolId: "flux", pricing: { unit: PricingUnit.RUN, rateUsd: "0.01" } } });
    return new WebhookTest(app);
  }

  stop(): Promise<void> {
    return this.app.stop();
  }

  /** A new generation of a new account. @param usdMicros what the account has: a dollar unless told */
  async create(usdMicros = 1_000_000n): Promise<Awaited> {
    const [accountId, runId] = [`user-${uuidv7()}`, `run-${uuidv7()}`];
    if (usdMicros > 0n) {
      const deposit = { amountUsdMicros: usdMicros, source: CreditSource.DEPOSIT };
      await this.app.economy.credit({ requestId: uuidv7(), accountId, ...deposit });
    }
    const created = await this.app.generations.createGeneration({ requestId: uuidv7(), accountId, toolId: "flux" });
    const generationId = created.generation?.generationId ?? "";
    return { accountId, generationId, webhookUrl: created.webhookUrl, runId };
  }

  async read(generationId: string): Promise<Generation> {
    const { generation } = await this.app.generations.getGeneration({ generationId });
    if (!generation) throw new Error(`there is no generation ${generationId}`);
    return generation;
  }

  /** A webhook URL as the service would make it for this id, generation or not. */
  urlOf(generationId: string): string {
    return `${this.app.app.httpUrl}${WEBHOOK_PATH}/${this.tokens.issue(generationId)}`;
  }
}
