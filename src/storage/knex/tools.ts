import { isDeepStrictEqual } from "node:util";
import type { Knex } from "knex";
import type { Tool } from "../../domain/generation/generation.js";
import type { Page, ToolStore } from "../read-store.js";
import { TOOLS } from "../tables.js";
import { readOneTogether } from "./read-together.js";
import { rowsOf } from "./reads.js";

/** Tools: few, rarely written, the same SQL on both backends. */
export class KnexTools implements ToolStore {
  private readonly toolTogether = readOneTogether(
    (ids) => this.guard(rowsOf(TOOLS, this.reads(TOOLS.name).whereIn("tool_id", ids))),
    (tool) => tool.toolId,
  );

  /**
   * @param writes connection that writes, `reads` one that reads
   * @param guard turns a driver's errors into StoreErrors
   */
  constructor(
    private readonly writes: Knex,
    private readonly reads: Knex,
    private readonly guard: <T>(query: PromiseLike<T>) => Promise<T>,
  ) {}

  async upsertTool(tool: Omit<Tool, "updateTime">): Promise<Tool> {
    const before = await this.tool(tool.toolId);
    if (before && isDeepStrictEqual(before, { ...tool, updateTime: before.updateTime })) return before;
    const stored: Tool = { ...tool, updateTime: BigInt(Date.now()) * 1_000n };
    const values = TOOLS.encode(stored, TOOLS.columns);
    const row = Object.fromEntries(TOOLS.columns.map((column, index) => [column.name, values[index]]));
    await this.guard(this.writes(TOOLS.name).insert(row).onConflict("tool_id").merge());
    return stored;
  }

  tool(toolId: string): Promise<Tool | undefined> {
    return this.toolTogether(toolId);
  }

  async listTools(cursor: string | undefined, pageSize: number): Promise<Page<Tool, string>> {
    const query = this.reads(TOOLS.name)
      .orderBy("tool_id")
      .limit(pageSize + 1);
    if (cursor !== undefined) query.where("tool_id", ">", cursor);
    const rows = await this.guard(rowsOf(TOOLS, query));
    const page = rows.slice(0, pageSize);
    return { rows: page, next: rows.length > pageSize ? page.at(-1)?.toolId : undefined };
  }
}
