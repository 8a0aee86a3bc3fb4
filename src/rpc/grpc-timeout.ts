/** As long as a timer can wait, 24 days. */
export const MOST_TIMEOUT_MS = 2 ** 31 - 1;

const MS_OF_UNIT: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

/** @param timeout as in a grpc-timeout header @returns undefined if it can't be read */
export function timeoutMsOf(timeout: string): number | undefined {
  const [, count, unit] = TIMEOUT.exec(timeout) ?? [];
  if (count === undefined || unit === undefined) return undefined;
  return Number(count) * (MS_OF_UNIT[unit] as number);
}
