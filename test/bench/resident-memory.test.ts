import { expect, it } from "vitest";
import { residentMemory } from "../../src/bench/resident-memory.js";

it("the resident memory of a process is what Node says of itself, and its peak at least that", async () => {
  const memory = await residentMemory(process.pid);
  const rss = process.memoryUsage.rss();
  expect(memory?.now).toBeGreaterThan(rss / 2);
  expect(memory?.now).toBeLessThan(rss * 2);
  expect(memory?.peak).toBeGreaterThanOrEqual(memory?.now ?? Number.NaN);
});

it("a process that isn't there has none", async () => {
  await expect(residentMemory(2 ** 22 + 1)).resolves.toBeUndefined();
});
