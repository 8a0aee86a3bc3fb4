import type { RunReport } from "../figures.js";
import { cpuMicrosOf } from "./cpu-time.js";
import type { PostgresCosts } from "./postgres-costs.js";

/** What a call cost on average, besides time. What can't be seen from here is left out. */
export type Costs = Pick<RunReport, "nodeCpuMicros" | "postgresCpuMicros" | "walBytes" | "statements">;

/** What had been used when a measurement began. */
export interface CostReading {
  readonly nodeMicros: number | undefined;
  readonly postgresMicros: number | undefined;
  readonly walPosition: bigint | undefined;
}

/** Reads off what a service and its database use. */
export class CostMeter {
  /**
   * @param servicePid of the service; the processes that it has started count too
   * @param postgres its database; undefined on SQLite, which is in the service
   */
  constructor(
    private readonly servicePid: number,
    private readonly postgres: PostgresCosts | undefined,
  ) {}

  async begin(): Promise<CostReading> {
    await this.postgres?.forgetStatements();
    return this.read();
  }

  /** @param calls made since, at least 1 */
  async since(before: CostReading, calls: number): Promise<Costs> {
    const now = await this.read();
    const statements = await this.postgres?.statements(calls);
    return {
      ...figure("nodeCpuMicros", perCall(before.nodeMicros, now.nodeMicros, calls)),
      ...figure("postgresCpuMicros", perCall(before.postgresMicros, now.postgresMicros, calls)),
      ...figure("walBytes", perCall(before.walPosition, now.walPosition, calls)),
      ...(statements && { statements }),
    };
  }

  private async read(): Promise<CostReading> {
    const [nodeMicros, postgresMicros, walPosition] = await Promise.all([
      cpuMicrosOf(this.servicePid),
      this.postgres?.cpuMicros(),
      this.postgres?.walPosition(),
    ]);
    return { nodeMicros, postgresMicros, walPosition };
  }
}

function perCall<Amount extends number | bigint>(
  before: Amount | undefined,
  now: Amount | undefined,
  calls: number,
): number | undefined {
  return before === undefined || now === undefined ? undefined : (Number(now) - Number(before)) / calls;
}

function figure(name: keyof Costs, value: number | undefined): Costs {
  return value === undefined ? {} : { [name]: value };
}
