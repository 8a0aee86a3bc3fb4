import type { ServiceImpl } from "@connectrpc/connect";
import type { GenerationService } from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import type { ServiceDependencies } from "../dependencies.js";
import { completeGeneration } from "./complete-generation.js";
import { createGeneration } from "./create-generation.js";
import { getGeneration, listGenerations } from "./generations.js";
import { previewCost } from "./preview-cost.js";
import { retryPayment } from "./retry-payment.js";
import { attachRun, reportProgress } from "./run.js";
import { getTool, listTools, upsertTool } from "./tools.js";

/** Every RPC of GenerationService. Requests have been validated by the interceptors. */
export function generationService(dependencies: ServiceDependencies): ServiceImpl<typeof GenerationService> {
  return {
    upsertTool: upsertTool(dependencies),
    getTool: getTool(dependencies),
    listTools: listTools(dependencies),
    previewCost: previewCost(dependencies),
    createGeneration: createGeneration(dependencies),
    attachRun: attachRun(dependencies),
    reportProgress: reportProgress(dependencies),
    completeGeneration: completeGeneration(dependencies),
    retryPayment: retryPayment(dependencies),
    getGeneration: getGeneration(dependencies),
    listGenerations: listGenerations(dependencies),
  };
}
