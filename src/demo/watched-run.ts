import { type Generation, GenerationState } from "../gen/stationthis/generation/v1/generation_pb.js";
import { claim, present } from "./claim.js";
import type { DemoService } from "./demo-service.js";
import type { Screen } from "./screen.js";
import { imageOutputs, sendWebhook } from "./webhook.js";

/** What a webhook says besides the run and its outputs. */
export interface WebhookEvent {
  readonly event_type?: string;
  readonly status: string;
  readonly live_status?: string;
  readonly progress?: number;
}

const STATE_WIDTH = 14;
const CALL_WIDTH = 14;
const WHAT_WIDTH = 31;

/** A generation seen from both ends: the provider's, who reports to it, and the user's, who asks for it after each report. */
export class WatchedRun {
  private readonly reported = new Set<string>();

  constructor(
    private readonly screen: Screen,
    private readonly service: DemoService,
    private readonly created: { readonly generation: Generation; readonly webhookUrl: string; readonly runId: string },
  ) {
    const columns = ["sent".padEnd(CALL_WIDTH + WHAT_WIDTH + 1), "state".padEnd(STATE_WIDTH), "outputs shown"];
    screen.line();
    screen.remark(columns.join(" "));
  }

  get generationId(): string {
    return this.created.generation.generationId;
  }

  /** Sends one webhook over HTTP and shows what the user sees after it. @param urls images it reports */
  async webhook(
    method: "POST" | "GET",
    what: string,
    event: WebhookEvent,
    urls: readonly string[] = [],
  ): Promise<{ readonly result: string; readonly generation: Generation }> {
    const { webhookUrl, runId } = this.created;
    const outputs = urls.length > 0 ? imageOutputs(runId, urls) : [];
    const answer = await sendWebhook(webhookUrl, method, {
      event_type: "run.updated",
      ...event,
      run_id: runId,
      outputs,
    });
    claim(answer.status === 200, `webhooks are answered 200, not ${answer.status} (${answer.result})`);
    for (const url of urls) this.reported.add(url);
    const generation = await this.look(`${method} webhook`, `${what} → ${answer.result}`);
    return { result: answer.result, generation };
  }

  /**
   * Shows what GetGeneration says now.
   * @throws Error if it or ListGenerations shows an output before the generation is COMPLETED, or not all of them after
   */
  async look(call: string, what: string): Promise<Generation> {
    const { generationId, accountId } = this.created.generation;
    const [got, list] = await Promise.all([
      this.service.generations.getGeneration({ generationId }),
      this.service.generations.listGenerations({ accountId }),
    ]);
    const generation = present(got.generation, "generation");
    const listed = list.generations.find((each) => each.generationId === generationId);
    const isPaid = generation.state === GenerationState.COMPLETED;
    const expected = isPaid ? this.reported.size : 0;
    for (const shown of [generation, present(listed, "generation")]) {
      claim(shown.outputs.length === expected, `outputs leave once they are paid for and not before (after ${what})`);
    }
    this.show(call, what, generation);
    return generation;
  }

  private show(call: string, what: string, { state, outputs }: Generation): void {
    const count = `${outputs.length} of ${this.reported.size}`;
    const isReleased = outputs.length > 0;
    const fate = isReleased ? this.screen.styled("green", "released") : this.screen.styled("yellow", "withheld");
    const cells = [
      call.padEnd(CALL_WIDTH),
      what.padEnd(WHAT_WIDTH),
      this.screen.styled(isReleased ? "green" : "cyan", (GenerationState[state] ?? "").padEnd(STATE_WIDTH)),
      this.reported.size === 0 ? "–" : `${count} ${fate}`,
    ];
    this.screen.line(`  ${cells.join(" ")}`);
  }
}

/** The outputs that have just been let go. */
export function showReleased(screen: Screen, { outputs }: Generation): void {
  for (const { url } of outputs) screen.line(`  ${screen.styled("green", "released, withheld until then:")} ${url}`);
}
