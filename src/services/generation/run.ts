import type { MethodImpl } from "@connectrpc/connect";
import type { RunStatus } from "../../domain/generation/lifecycle.js";
import type { GenerationService } from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { attachRun as attachCommand } from "../../ledger/commands/attach-run.js";
import { reportProgress as progressCommand } from "../../ledger/commands/report-progress.js";
import { submitterOf } from "../call.js";
import { fromOutputs, toGeneration } from "../convert/generation.js";
import { fromTimestamp } from "../convert/time.js";
import type { ServiceDependencies } from "../dependencies.js";

export function attachRun({ writer }: ServiceDependencies): MethodImpl<typeof GenerationService.method.attachRun> {
  return async ({ generationId, runId }, context) => {
    const generation = await writer.submit(attachCommand({ generationId, runId }), submitterOf(context));
    return { generation: toGeneration(generation) };
  };
}

export function reportProgress({
  writer,
}: ServiceDependencies): MethodImpl<typeof GenerationService.method.reportProgress> {
  return async (request, context) => {
    const { generationId, runId, liveStatus } = request;
    const command = progressCommand(
      { generationId, runId },
      {
        status: statusIn(request.status),
        progress: request.progress,
        liveStatus,
        outputs: fromOutputs(request.outputs),
        observeTime: fromTimestamp(request.observeTime),
      },
    );
    return { generation: toGeneration(await writer.submit(command, submitterOf(context))) };
  };
}

/** RUNNING, running, NOT_STARTED and not-started are all fine. */
function statusIn(status: string): RunStatus | undefined {
  return status === "" ? undefined : (status.toLowerCase().replaceAll("_", "-") as RunStatus);
}
