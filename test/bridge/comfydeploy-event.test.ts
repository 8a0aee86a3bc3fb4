import { describe, expect, it } from "vitest";
import { parseEvent } from "../../src/bridge/comfydeploy-event.js";

const problemsOf = (body: unknown): Record<string, string> => {
  const parsed = parseEvent(body);
  if (!("problems" in parsed)) throw new Error("the body was taken");
  return Object.fromEntries(parsed.problems.map((problem) => [problem.field, problem.message]));
};
const eventOf = (body: unknown) => {
  const parsed = parseEvent(body);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.event;
};

describe("the body of a webhook", () => {
  const least = { run_id: "run-1", status: "running" };

  it("needs a run_id and a status and nothing else", () => {
    expect(eventOf(least)).toMatchObject(least);
  });

  it("is read whole as the provider sends it", () => {
    const body = {
      ...least,
      event_type: "run.updated",
      live_status: "KSampler",
      progress: 0.25,
      outputs: [{ data: { images: [] } }],
    };
    expect(eventOf(body)).toMatchObject(body);
  });

  it("names each required field that is missing", () => {
    expect(Object.keys(problemsOf({})).sort()).toEqual(["run_id", "status"]);
    expect(problemsOf({ status: "running" })).toEqual({ run_id: "is required and takes a string" });
    expect(problemsOf({ run_id: "run-1" })).toEqual({ status: "is required and takes a string" });
  });

  it.each([[null], [undefined], ["text"], [5], [true], [[]], [[least]]])(
    "is refused as a whole if it is %o",
    (body) => {
      expect(problemsOf(body)).toHaveProperty("body");
    },
  );

  it.each([5, null, true, {}, []])("takes no run_id or status of %o", (value) => {
    expect(Object.keys(problemsOf({ run_id: value, status: value })).sort()).toEqual(["run_id", "status"]);
  });

  it.each(["", "a b", "a/b", "é", "a\0", "x".repeat(129)])("takes no run_id of %j", (runId) => {
    expect(problemsOf({ ...least, run_id: runId })).toEqual({ run_id: "takes 1-128 of A-Z a-z 0-9 _ . : -" });
  });

  it("takes a status of 1 to 100 characters, known or not", () => {
    expect(problemsOf({ ...least, status: "" })).toEqual({ status: "is required" });
    expect(problemsOf({ ...least, status: "x".repeat(101) })).toEqual({ status: "takes at most 100 characters" });
    expect(eventOf({ ...least, status: "x".repeat(100) }).status).toHaveLength(100);
  });

  it("loses an optional field that is odd, and keeps the rest", () => {
    const odd = { event_type: 5, live_status: {}, progress: "half", outputs: "none" };
    expect(eventOf({ ...least, ...odd })).toMatchObject({
      ...least,
      event_type: undefined,
      live_status: undefined,
      progress: undefined,
      outputs: undefined,
    });
  });

  it("may say null for what it doesn't know", () => {
    const unknown = { event_type: null, live_status: null, progress: null, outputs: null, error: null };
    expect(eventOf({ ...least, ...unknown })).toMatchObject({ ...least, ...unknown });
  });

  it("keeps an error of any shape", () => {
    const error = { code: 137, reasons: ["out of memory"] };
    expect(eventOf({ ...least, error, error_details: "killed" })).toMatchObject({ error, error_details: "killed" });
  });
});
