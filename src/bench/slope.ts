/** One measurement along the way. */
export interface Sample {
  /** Calls made so far. */
  readonly calls: number;
  readonly value: number;
}

/**
 * How much a value grew over the last quarter of the calls, by the straight line that lies closest to its samples (least squares), in percent of where that line begins. One sample that is
 * off, as right before a garbage collection, moves it little. NaN with fewer than two samples there.
 */
export function slopePercent(samples: readonly Sample[]): number {
  const end = samples.at(-1)?.calls ?? 0;
  const start = end * 0.75;
  const quarter = samples.filter((sample) => sample.calls >= start);
  const [meanCalls, meanValue] = [mean(quarter.map(({ calls }) => calls)), mean(quarter.map(({ value }) => value))];
  let covariance = 0;
  let variance = 0;
  for (const { calls, value } of quarter) {
    covariance += (calls - meanCalls) * (value - meanValue);
    variance += (calls - meanCalls) ** 2;
  }
  const perCall = covariance / variance;
  const first = meanValue + perCall * (start - meanCalls);
  return ((perCall * (end - start)) / first) * 100;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
