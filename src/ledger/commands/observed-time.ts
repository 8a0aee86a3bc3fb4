import { TollgateError } from "../../domain/errors.js";
import { type EpochMicros, MICROS_PER_SECOND } from "../../domain/time.js";

/** How far a caller's clock may run ahead of the store's. */
const SKEW_MICROS = 60n * MICROS_PER_SECOND;

/**
 * A caller's time of an observation. Nothing is observed before it happens: a little ahead counts as now, and more is refused, because a start in the future would make a run of
 * 0 seconds.
 * @throws TollgateError INVALID_FIELDS
 */
export function observedAt(time: EpochMicros | undefined, field: string, now: EpochMicros): EpochMicros | undefined {
  if (time === undefined || time <= now) return time;
  if (time - now <= SKEW_MICROS) return now;
  throw TollgateError.invalid([{ field, description: "takes a time that isn't to come" }]);
}
