import type { Client } from "@connectrpc/connect";
import { GenerationState, Outcome } from "../gen/stationthis/generation/v1/generation_pb.js";
import type { GenerationService } from "../gen/stationthis/generation/v1/generation_service_pb.js";
import type { ComfyDeployEvent } from "./comfydeploy-event.js";
import { clean, readOutputs } from "./comfydeploy-outputs.js";

/** GenerationService, in this process or another: the bridge can't tell. */
export type GenerationClient = Client<typeof GenerationService>;

/** What a webhook did. */
export type Delivery = "progress" | "already_final" | "completed" | "payment_failed" | "duplicate" | "ignored";

const RUNNING_STATUSES = new Set(["not-started", "queued", "started", "running", "uploading"]);

/** A report is taken in while the generation is in one of these, and changes nothing later. */
const RUNNING_STATES: ReadonlySet<GenerationState> = new Set([GenerationState.PENDING, GenerationState.RUNNING]);

/** A map and no object: a status may be any text, "constructor" too. */
const OUTCOMES: ReadonlyMap<string, Outcome> = new Map([
  ["success", Outcome.SUCCEEDED],
  ["failed", Outcome.FAILED],
  ["timeout", Outcome.TIMED_OUT],
  ["cancelled", Outcome.CANCELLED],
]);

/**
 * Turns a webhook into the one call that it means: ReportProgress while the run goes on, CompleteGeneration when it ends. An unknown status is ignored.
 * Both are idempotent by generation, so a repeated or reordered webhook is harmless.
 * @throws ConnectError what the service refuses
 */
export async function deliverEvent(
  generations: GenerationClient,
  generationId: string,
  event: ComfyDeployEvent,
): Promise<Delivery> {
  const outputs = readOutputs(event.outputs ?? []);
  const outcome = OUTCOMES.get(event.status);
  if (outcome !== undefined) {
    const answer = await generations.completeGeneration({
      generationId,
      runId: event.run_id,
      outcome,
      outputs,
      errorMessage: errorIn(event),
    });
    if (answer.alreadyFinal) return "duplicate";
    return outcome === Outcome.SUCCEEDED && answer.generation?.stateReason !== "" ? "payment_failed" : "completed";
  }
  if (!RUNNING_STATUSES.has(event.status)) return "ignored";
  const { generation } = await generations.reportProgress({
    generationId,
    runId: event.run_id,
    status: event.status,
    ...progressIn(event),
    liveStatus: clean(event.live_status ?? "", 500),
    outputs,
  });
  return generation && RUNNING_STATES.has(generation.state) ? "progress" : "already_final";
}

/** Progress outside 0-1 is somebody else's rounding, and no reason to lose the event. */
function progressIn({ progress }: ComfyDeployEvent): { progress?: number } {
  return typeof progress === "number" && Number.isFinite(progress)
    ? { progress: Math.min(1, Math.max(0, progress)) }
    : {};
}

function errorIn({ error, error_details: details }: ComfyDeployEvent): string {
  const said = [error, details].filter((part) => part !== undefined && part !== null && part !== "");
  return clean(said.map(asText).join(": "), 2_000);
}

/** JSON that was parsed can be too deep to be written again. */
function asText(part: unknown): string {
  if (typeof part === "string") return part;
  try {
    return JSON.stringify(part);
  } catch {
    return "an error too deep to be written out";
  }
}
