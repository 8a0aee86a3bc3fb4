import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { type EpochMicros, LATEST_TIME, MICROS_PER_SECOND } from "../../domain/time.js";

/** A stored time on the wire. */
export function toTimestamp(time: EpochMicros): { seconds: bigint; nanos: number } {
  return { seconds: time / MICROS_PER_SECOND, nanos: Number(time % MICROS_PER_SECOND) * 1_000 };
}

/** A time of the wire, read to the microsecond. */
export function fromTimestamp(timestamp: Timestamp): EpochMicros;
export function fromTimestamp(timestamp: Timestamp | undefined): EpochMicros | undefined;
export function fromTimestamp(timestamp: Timestamp | undefined): EpochMicros | undefined {
  return timestamp && timestamp.seconds * MICROS_PER_SECOND + BigInt(Math.floor(timestamp.nanos / 1_000));
}

/** A duration of the wire in microseconds. */
export function fromDuration(duration: Duration): bigint {
  return duration.seconds * MICROS_PER_SECOND + BigInt(Math.floor(duration.nanos / 1_000));
}

/** Microseconds as a duration of the wire. */
export function toDuration(micros: bigint): { seconds: bigint; nanos: number } {
  return toTimestamp(micros);
}

/** A filter's time range, end exclusive; open ends take in everything. */
export function timeRange(
  start: Timestamp | undefined,
  end: Timestamp | undefined,
): { startTime: EpochMicros; endTime: EpochMicros } {
  return { startTime: fromTimestamp(start) ?? 0n, endTime: fromTimestamp(end) ?? LATEST_TIME };
}

/** The time reads are as of. */
export function nowMicros(): EpochMicros {
  return BigInt(Date.now()) * 1_000n;
}
