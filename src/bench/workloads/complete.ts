import { randomUUID } from "node:crypto";
import { GenerationState, Outcome, PricingUnit } from "../../gen/stationthis/generation/v1/generation_pb.js";
import { GenerationService } from "../../gen/stationthis/generation/v1/generation_service_pb.js";
import { accountIds, credit, drawn, drawnBelow } from "../accounts.js";
import type { Caller } from "../caller.js";
import type { RunReport } from "../figures.js";
import type { Workload } from "../workload.js";
import { bestTpcb } from "./tpcb.js";

const TOOL_ID = "bench";
const PAYERS = accountIds("payer", 5_000);
const CREATORS = accountIds("creator", 2_000);
/** In two halves, so that a generation's two LoRAs are never by the same one. */
const [SOME_CREATORS, OTHER_CREATORS] = [CREATORS.slice(0, 1_000), CREATORS.slice(1_000)];
/** LoRAs of either half that a payer uses again and again: somebody's first use of one is the exception. */
const FAVOURITES = 2;
/** A thousand dollars: enough for every run of a cent and its fee. */
const CREDIT_USD_MICROS = 1_000_000_000n;
/** The most that one credit can bring, for the one who pays for everything. */
const HOT_CREDIT_USD_MICROS = 1_000_000_000_000n;
const HOT_PAYER = "payer:hot";
const HOT_CREATOR = "creator:hot";

/** Settlements of generations with two LoRAs by two creators, all over 5,000 payers and 2,000 creators, against TPC-B. */
export const COMPLETE: Workload = {
  name: "complete",
  store: "postgres",
  referenceName: "TPC-B, best of 8 and 32 clients",
  figure: "callsPerSecond",
  goal: { floor: 1.3, target: 2, isBetter: "higher" },
  calls: 4_000,
  async prepare(bench) {
    await prepareParties(bench.caller);
    return {
      run: (calls) => completions(bench.caller, calls, uniformParties),
      reference: () => bestTpcb(bench),
    };
  },
};

/** The same with one payer, and one creator whose LoRA is in every generation, against the same without. */
export const COMPLETE_HOT: Workload = {
  ...COMPLETE,
  name: "complete-hot",
  referenceName: "complete, uniform",
  goal: { floor: 0.8, target: 1, isBetter: "higher" },
  async prepare({ caller }) {
    await prepareParties(caller);
    return {
      run: (calls) => completions(caller, calls, hotParties),
      reference: async (calls) => (await completions(caller, calls, uniformParties)).callsPerSecond,
    };
  },
};

/** Who has to do with one generation. */
export interface Parties {
  readonly payer: string;
  readonly creators: readonly [string, string];
}

/** A payer at random, and two of the LoRAs that he keeps using, which are drawn at random for him. */
export function uniformParties(index: number): Parties {
  const payer = drawnBelow(PAYERS.length, index);
  const favourite = (creators: readonly string[], use: number): string =>
    drawn(creators, payer * FAVOURITES + drawnBelow(FAVOURITES, use));
  return {
    payer: PAYERS[payer] as string,
    creators: [favourite(SOME_CREATORS, 2 * index), favourite(OTHER_CREATORS, 2 * index + 1)],
  };
}

function hotParties(index: number): Parties {
  return { payer: HOT_PAYER, creators: [HOT_CREATOR, drawn(CREATORS, index)] };
}

/** Gives everybody money and makes the tool. */
export async function prepareParties(caller: Caller): Promise<void> {
  await credit(caller, PAYERS, CREDIT_USD_MICROS);
  await credit(caller, [HOT_PAYER], HOT_CREDIT_USD_MICROS);
  const pricing = { unit: PricingUnit.RUN, rateUsd: "0.01" };
  await caller.require(GenerationService.method.upsertTool, [{ tool: { toolId: TOOL_ID, pricing } }]);
}

/** Creates generations, then completes them and reports on the completions. One that wasn't paid for counts as an error. */
export async function completions(
  caller: Caller,
  calls: number,
  partiesOf: (index: number) => Parties,
): Promise<RunReport> {
  const created = await caller.require(
    GenerationService.method.createGeneration,
    Array.from({ length: calls }, (_, index) => generationOf(partiesOf(index))),
  );
  const { report, answers } = await caller.measureAndRead(
    GenerationService.method.completeGeneration,
    created.map(({ generation }) => ({
      generationId: generation?.generationId ?? "",
      outcome: Outcome.SUCCEEDED,
      outputs: [{ url: `https://outputs.example/${generation?.generationId}.png` }],
    })),
  );
  const unpaid = answers.filter((answer) => answer && answer.generation?.state !== GenerationState.COMPLETED).length;
  return unpaid === 0 ? report : { ...report, errors: { ...report.errors, PAYMENT_FAILED: unpaid } };
}

function generationOf({ payer, creators }: Parties) {
  return {
    requestId: randomUUID(),
    accountId: payer,
    toolId: TOOL_ID,
    attribution: { loras: creators.map((owner) => ({ loraId: `lora of ${owner}`, ownerAccountId: owner })) },
  };
}
