import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";

const run = promisify(execFile);
const PAGE = readFileSync(new URL("../../docs/legacy-http.md", import.meta.url), "utf8");
const TRANSCRIPT = PAGE.split("\n## A transcript")[1] ?? "";
const HELPER = /```sh\n(old\(\)[\s\S]*?)```/.exec(TRANSCRIPT)?.[1] ?? "";
const CALLS = [...TRANSCRIPT.matchAll(/```sh\n(?!old\(\))([\s\S]*?)```\n\n```http\n([\s\S]*?)```/g)].map((match) => ({
  command: match[1] as string,
  answer: match[2] as string,
}));

describe("the transcript of the old paths", () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startTestApp("sqlite");
  });
  afterAll(() => test.stop());

  it("says what its commands answer when they are run", async () => {
    expect(CALLS.length).toBeGreaterThanOrEqual(7);
    expect(TRANSCRIPT.match(/```sh/g)).toHaveLength(CALLS.length + 1);
    const answers: string[] = [];
    for (const { command } of CALLS) {
      const script = `${HELPER}\n${command}`.replaceAll("http://127.0.0.1:8080", test.app.httpUrl);
      const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script]);
      answers.push(asOnThePage(stdout));
    }
    const page = CALLS.map(({ answer }) => answer);
    expect(withoutChance(answers.join("\n"))).toBe(withoutChance(page.join("\n")));
  });
});

/** The status, then the body for people. */
function asOnThePage(stdout: string): string {
  const [body = "", status = ""] = stdout.trimEnd().split("\n");
  return `${status}\n${JSON.stringify(JSON.parse(body), null, 2)}\n`;
}

/** Times are all one; ids are told apart, so that the same transaction is the same. */
function withoutChance(text: string): string {
  const ids = new Map<string, string>();
  const named = text.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => {
    if (!ids.has(id)) ids.set(id, `id-${ids.size + 1}`);
    return ids.get(id) as string;
  });
  return named.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "a time");
}
