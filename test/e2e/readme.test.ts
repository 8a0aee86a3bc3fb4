import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";

const run = promisify(execFile);
const ROOT = new URL("../../", import.meta.url).pathname;

/** The shell blocks of the README's section about a settled generation. */
const blocks = (() => {
  const readme = readFileSync(`${ROOT}README.md`, "utf8");
  const section = readme.split("## A settled generation in a minute")[1]?.split("\n## ")[0] ?? "";
  return [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] as string);
})();

let test: TestApp;
beforeAll(async () => {
  test = await startTestApp("sqlite");
});
afterAll(() => test.stop());

/** Runs a block as a reader would, against this test's ports. */
async function shell(script: string, environment: Record<string, string> = {}): Promise<string> {
  const here = script
    .replaceAll("127.0.0.1:50051", test.app.grpcAddress)
    .replaceAll("http://127.0.0.1:8080", test.app.httpUrl);
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", here], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
  });
  return stdout;
}

it("the README's calls, run as they stand, end with a paid-for output and the creators' shares", async () => {
  const [calls, webhook] = blocks as [string, string];
  const created = await shell(calls);
  const webhookUrl = /"webhookUrl":\s*"([^"]+)"/.exec(created)?.[1] ?? "";
  expect(webhookUrl).toContain("/webhooks/comfydeploy/");

  const rpc = calls.split("\n")[0] as string;
  const done = await shell(`${rpc}\n${webhook}`, { WEBHOOK_URL: webhookUrl });
  expect(done).toContain("GENERATION_STATE_COMPLETED");
  expect(done).toContain("https://cdn.example/a.png");
  expect(done).toMatch(/"totalCostUsdMicros":\s*"10600"/);
  expect(done).toMatch(/"accountId":\s*"carol",\s*"balanceUsdMicros":\s*"300"/);
});
