import { z } from "zod";

/*
 * A ComfyDeploy webhook as it really arrives, read from the provider's own source: no signature, no delivery id, no order; every field but run_id and status may be missing or odd. We
 * refuse only what we can't act on, and keep what we can't classify.
 */

const run = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/, "takes 1-128 of A-Z a-z 0-9 _ . : -");

const event = z.looseObject({
  run_id: run,
  status: z.string().min(1, "is required").max(100, "takes at most 100 characters"),
  event_type: z.string().nullish().catch(undefined),
  live_status: z.string().nullish().catch(undefined),
  progress: z.number().nullish().catch(undefined),
  outputs: z.array(z.unknown()).nullish().catch(undefined),
  error: z.unknown().optional(),
  error_details: z.unknown().optional(),
});

export type ComfyDeployEvent = z.infer<typeof event>;

/** What is wrong with a webhook's body, by field. */
export interface EventProblem {
  readonly field: string;
  readonly message: string;
}

/** Reads a webhook's body, already parsed as JSON. */
export function parseEvent(
  body: unknown,
): { readonly event: ComfyDeployEvent } | { readonly problems: EventProblem[] } {
  const parsed = event.safeParse(body);
  if (parsed.success) return { event: parsed.data };
  return {
    problems: parsed.error.issues.map((issue) => ({
      field: issue.path.join(".") || "body",
      message: issue.code === "invalid_type" ? `is required and takes a ${issue.expected}` : issue.message,
    })),
  };
}
