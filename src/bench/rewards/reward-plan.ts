import { MICROS_PER_DAY } from "../../domain/time.js";

/** What a store is filled with: always the same rows for the same plan. */
export interface RewardPlan {
  /** Of the one creator who is measured. Others get a twentieth of that on top. */
  readonly rewards: number;
  /** The last reward is paid right before it; a midnight, in microseconds since the epoch. */
  readonly endTime: bigint;
  /** Days that the rewards are spread over. */
  readonly days: number;
  /** Of each creator. Every tenth is a spell, the others are LoRAs. */
  readonly assets: number;
  /** Who uses them; prime to the number of assets, so that everybody uses all. */
  readonly users: number;
  /** Moves everything that is made to look random. */
  readonly seed: number;
}

/** The creator who is measured. */
export const BIG_CREATOR = "creator:big";

/** One reward in so many is of another creator. */
export const OTHERS_EVERY = 21;
export const OTHER_CREATORS = 500;

/** 2026-01-01. */
const END_DAY = 20_454n;

/** A creator as performance.md has it: a year of work, a few assets that everybody uses. */
export function planOf(rewards: number): RewardPlan {
  return { rewards, endTime: END_DAY * MICROS_PER_DAY, days: 365, assets: 40, users: 20_011, seed: 1 };
}

/** Rows to write in all. */
export function rowsOf(plan: RewardPlan): number {
  return plan.rewards + Math.ceil(plan.rewards / (OTHERS_EVERY - 1));
}
