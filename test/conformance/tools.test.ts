import { expect, it } from "vitest";
import type { Tool } from "../../src/domain/generation/generation.js";
import { describeStores, type TestDatabase } from "../support/stores.js";
import { toolRow } from "./rows.js";
import { fresh, openedPair, pagesOf } from "./support.js";

/** Long ago, so that any other time shows. */
const LONG_AGO = 1_000_000n;

const backdate = (database: TestDatabase, toolId: string) =>
  database.tamper(`update tools set update_time = ${LONG_AGO} where tool_id = '${toolId}'`);

describeStores("tools", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("stores a tool and returns it as stored", async () => {
    const tool = toolRow(fresh("flux"), { archived: true });
    const stored = await pair.store.upsertTool(tool);
    expect(stored).toEqual({ ...tool, updateTime: expect.any(BigInt) });
    expect(stored.updateTime).toBeGreaterThan(LONG_AGO);
    expect(await pair.store.tool(tool.toolId)).toEqual(stored);
    expect(await pair.other.tool(tool.toolId)).toEqual(stored);
  });

  it("doesn't find a tool that there isn't", async () => {
    expect(await pair.store.tool(fresh("flux"))).toBeUndefined();
  });

  it("gives each of a crowd the tool that it asked for", async () => {
    const tools = await Promise.all([1, 2].map(() => pair.store.upsertTool(toolRow(fresh("flux")))));
    const asked = Array.from({ length: 200 }, (_, index) => tools[index % 3]);
    const found = await Promise.all(asked.map((tool) => pair.store.tool(tool?.toolId ?? "unknown")));
    expect(found).toEqual(asked);
  });

  it("keeps the old update_time if the content is the same", async () => {
    const tool = toolRow(fresh("flux"));
    await pair.store.upsertTool(tool);
    await backdate(pair.database, tool.toolId);
    expect(await pair.other.upsertTool(tool)).toEqual({ ...tool, updateTime: LONG_AGO });
    expect(await pair.store.tool(tool.toolId)).toEqual({ ...tool, updateTime: LONG_AGO });
  });

  const { pricing } = toolRow("flux");
  it.each<[string, Partial<Tool>]>([
    ["display name", { displayName: "Flux 2" }],
    ["provider", { provider: "replicate" }],
    ["state of being archived", { archived: true }],
    ["unit", { pricing: { ...pricing, unit: "RUN" } }],
    ["rate", { pricing: { ...pricing, rateUsd: "0.0010" } }],
    ["multiplier", { pricing: { ...pricing, multiplier: "2" } }],
    ["minimum charge", { pricing: { ...pricing, minimumChargeUsdMicros: 5_001n } }],
  ])("stores another %s, with a new update_time", async (_, change) => {
    const toolId = fresh("flux");
    await pair.store.upsertTool(toolRow(toolId));
    await backdate(pair.database, toolId);
    const changed = { ...toolRow(toolId), ...change };
    const stored = await pair.store.upsertTool(changed);
    expect(stored).toEqual({ ...changed, updateTime: expect.any(BigInt) });
    expect(stored.updateTime).toBeGreaterThan(LONG_AGO);
    expect(await pair.other.tool(toolId)).toEqual(stored);
  });

  it("takes the same tool from several instances at once as one tool", async () => {
    const tool = toolRow(fresh("flux"));
    await Promise.all([pair.store, pair.other, pair.store, pair.other].map((store) => store.upsertTool(tool)));
    expect(await pair.store.tool(tool.toolId)).toMatchObject(tool);
  });
});

describeStores("listTools", (makeDatabase) => {
  const pair = openedPair(makeDatabase);

  it("is empty where there is no tool", async () => {
    expect(await pair.store.listTools(undefined, 10)).toEqual({ rows: [], next: undefined });
  });

  it("lists tools by tool_id, byte by byte, from above the cursor", async () => {
    const toolIds = ["B", "a", "a-b", "a.b", "aB", "ab", "b"].sort();
    for (const toolId of toolIds.toReversed()) await pair.store.upsertTool(toolRow(toolId));
    for (const [pageSize, pages] of [
      [1, 7],
      [3, 3],
      [7, 1],
      [8, 1],
    ] as const) {
      const read = await pagesOf<Tool, string>((cursor) => pair.store.listTools(cursor, pageSize));
      expect(read.flat().map((tool) => tool.toolId)).toEqual(toolIds);
      expect(read).toHaveLength(pages);
    }
    const { rows } = await pair.store.listTools("a-", 1);
    expect(rows.map((tool) => tool.toolId)).toEqual(["a-b"]);
  });
});
