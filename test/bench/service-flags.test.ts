import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SERVICE_FLAGS } from "../../src/bench/child-process.js";

it("the bench measures the service with the flags that npm start has", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(scripts.start).toBe(`node ${SERVICE_FLAGS.join(" ")} dist/main.js serve`);
});
