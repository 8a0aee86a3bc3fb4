/** Microseconds since the Unix epoch, the unit of every stored time. */
export type EpochMicros = bigint;

export const MICROS_PER_MILLISECOND = 1_000n;
export const MICROS_PER_SECOND = 1_000_000n;
export const MICROS_PER_DAY = 86_400n * MICROS_PER_SECOND;

/** 9999-12-31T23:59:59.999999Z: the latest time a protobuf Timestamp can say. */
export const LATEST_TIME: EpochMicros = 253_402_300_799_999_999n;
