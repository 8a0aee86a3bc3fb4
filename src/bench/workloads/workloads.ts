import type { StoreName, WorkloadName } from "../options.js";
import type { Workload } from "../workload.js";
import { AUDIT } from "./audit.js";
import { BATCH_POST } from "./batch-post.js";
import { COMPLETE, COMPLETE_HOT } from "./complete.js";
import { EARNINGS_BY_ASSET, EARNINGS_BY_DAY, REWARDS_FIRST, REWARDS_LAST, REWARDS_MIDDLE } from "./creators.js";
import { DEBIT_ON_POSTGRES, DEBIT_ON_SQLITE, DEBIT_ONE } from "./debit.js";
import { GET_BALANCE } from "./get-balance.js";
import { MEMORY } from "./memory.js";
import { OVERLOADED } from "./overload.js";
import { DEBIT_TWO_PROCESSES } from "./two-processes.js";

const WORKLOADS: readonly Workload[] = [
  DEBIT_ON_POSTGRES,
  COMPLETE,
  COMPLETE_HOT,
  BATCH_POST,
  DEBIT_ONE,
  DEBIT_TWO_PROCESSES,
  GET_BALANCE,
  EARNINGS_BY_DAY,
  EARNINGS_BY_ASSET,
  REWARDS_FIRST,
  REWARDS_MIDDLE,
  REWARDS_LAST,
  OVERLOADED,
  AUDIT,
  MEMORY,
  DEBIT_ON_SQLITE,
];

/** What is measured if nothing is named. */
export const DEFAULT_WORKLOADS: readonly WorkloadName[] = WORKLOADS.filter((workload) => !workload.isLong).map(
  (workload) => workload.name,
);

/** The workloads of these names that there are for these stores, in the order they are measured. */
export function selectWorkloads(names: readonly WorkloadName[], stores: readonly StoreName[]): Workload[] {
  return WORKLOADS.filter((workload) => names.includes(workload.name) && stores.includes(workload.store));
}
