import fc from "fast-check";

/** Billed by the second or by the run. */
export type ToolId = "seconds" | "runs";

/** One sending: of a webhook, whose second and third attempts are GETs, or a success called in with a final cost of its own. */
export type Sending =
  | { readonly method: "POST" | "GET"; readonly status: string }
  | { readonly method: "CALL"; readonly finalCostUsdMicros: bigint };

/** What is sent about one run, in the order in which it arrives. */
export interface Order {
  readonly toolId: ToolId;
  readonly sendings: readonly Sending[];
}

const method = fc.constantFrom<"POST" | "GET">("POST", "GET");
const early: fc.Arbitrary<Sending> = fc.record({
  status: fc.constantFrom("not-started", "queued", "started", "running", "uploading"),
  method,
});
const final: fc.Arbitrary<Sending> = fc.record({
  status: fc.oneof(
    { weight: 3, arbitrary: fc.constant("success") },
    fc.constantFrom("success", "failed", "timeout", "cancelled"),
  ),
  method,
});
/** Costs that no run of these tests comes to by its own price: over a day of seconds, and not a cent. */
const costed: fc.Arbitrary<Sending> = fc.record({
  finalCostUsdMicros: fc.constantFrom(123_456_789n, 987_654_321n),
  method: fc.constant("CALL" as const),
});

/** Duplicates × reordering × final before running × fail-then-success × other cost × GET retries. */
export const order: fc.Arbitrary<Order> = fc
  .record({
    early: fc.array(early, { maxLength: 3 }),
    final: fc.array(final, { minLength: 1, maxLength: 3 }),
    costed: fc.array(costed, { maxLength: 2 }),
  })
  .chain(({ early, final, costed }) => {
    const sendings = [...early, ...final, ...final, ...costed];
    return fc.record({
      toolId: fc.constantFrom<ToolId>("seconds", "runs"),
      sendings: fc.shuffledSubarray(sendings, { minLength: sendings.length }),
    });
  });

/** What has to have happened once all of an order arrived. */
export interface Played {
  /** What each sending was told. */
  readonly answers: readonly string[];
  readonly state: string;
  readonly settlements: number;
  /** One for each distinct outcome and cost that contradicts the first, sorted. */
  readonly conflicts: readonly string[];
}

const OUTCOMES: Readonly<Record<string, string>> = {
  success: "SUCCEEDED",
  failed: "FAILED",
  timeout: "TIMED_OUT",
  cancelled: "CANCELLED",
};

/** The rules about one run, told once more and in the plainest way (rules 3.5 to 3.8). Its payer has money enough. */
export function play({ toolId, sendings }: Order): Played {
  let state = "PENDING";
  let hasStart = false;
  let cost: bigint | "as priced" | undefined;
  const conflicts = new Set<string>();
  const answers = sendings.map((sending): string => {
    const outcome = sending.method === "CALL" ? "SUCCEEDED" : OUTCOMES[sending.status];
    const given = sending.method === "CALL" ? sending.finalCostUsdMicros : undefined;
    const isOpen = state === "PENDING" || state === "RUNNING";
    if (outcome === undefined) {
      if (!isOpen) return "already_final";
      if (sending.method !== "CALL" && (sending.status === "running" || sending.status === "uploading")) {
        hasStart = true;
        state = "RUNNING";
      }
      return "progress";
    }
    if (isOpen && outcome !== "SUCCEEDED") {
      state = outcome === "CANCELLED" ? "CANCELLED" : "FAILED";
      return "completed";
    }
    const known = given ?? (toolId === "runs" || hasStart ? ("as priced" as const) : undefined);
    if (isOpen || (state === "PAYMENT_FAILED" && outcome === "SUCCEEDED" && given !== undefined)) {
      state = known === undefined ? "PAYMENT_FAILED" : "COMPLETED";
      cost = known;
      return known === undefined ? "payment_failed" : "completed";
    }
    const succeeded = state === "COMPLETED" || state === "PAYMENT_FAILED";
    const isOther = succeeded !== (outcome === "SUCCEEDED") || (given !== undefined && given !== cost);
    if (!isOther) return "duplicate";
    conflicts.add(["CONFLICT", outcome, ...(given === undefined ? [] : [String(given)])].join(":"));
    return "conflict";
  });
  return { answers, state, settlements: state === "COMPLETED" ? 1 : 0, conflicts: [...conflicts].sort() };
}
