import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AttributionSchema } from "../gen/stationthis/generation/v1/attribution_pb.js";
import { PricingUnit } from "../gen/stationthis/generation/v1/generation_pb.js";
import type { DemoService } from "./demo-service.js";

/** A step of the spell storybook, whose creator is carol. */
export interface SpellStep {
  readonly name: string;
  /** US$ a run. */
  readonly rateUsd: string;
  /** Whose work it uses besides the spell: LoRAs and their owners. */
  readonly loras: readonly { readonly loraId: string; readonly owner: string }[];
  /** How the fee comes about, in words. */
  readonly fee: string;
}

export const SKETCH: SpellStep = {
  name: "sketch",
  rateUsd: "0.0125",
  loras: [{ loraId: "inkwash", owner: "anna" }],
  fee: "3 % to the spell, 3 % to its LoRA",
};
export const COLOUR: SpellStep = {
  name: "colour",
  rateUsd: "0.0333",
  loras: [
    { loraId: "washi", owner: "carol" },
    { loraId: "filmgrain", owner: "ben" },
  ],
  fee: "3 % to the spell, 3 % to its LoRAs",
};
export const PRINT: SpellStep = {
  name: "print",
  rateUsd: "0.0081",
  loras: [],
  fee: "6 % to the spell: it has no LoRA",
};

/** In the order in which the spell runs them. */
export const SPELL_STEPS: readonly SpellStep[] = [SKETCH, COLOUR, PRINT];

type Named = Pick<DemoService, "idOf">;

/** The step's own tool, priced by the run. */
export function toolOf({ idOf }: Named, { name, rateUsd }: SpellStep) {
  return { toolId: idOf(name), pricing: { unit: PricingUnit.RUN, rateUsd } };
}

/** Whose work the step uses, as CreateGeneration takes it. */
export function attributionOf({ idOf }: Named, { loras }: SpellStep): MessageInitShape<typeof AttributionSchema> {
  return {
    spell: { spellId: "storybook", ownerAccountId: idOf("carol") },
    loras: loras.map(({ loraId, owner }) => ({ loraId, ownerAccountId: idOf(owner) })),
  };
}
