/**
 * Something the demo says to whoever watches it, checked at the moment it says it.
 * @param promise completes "the demo promised that …"
 * @throws Error if it isn't so, which ends the demo with exit code 1
 */
export function claim(isSo: boolean, promise: string): asserts isSo {
  if (!isSo) throw new Error(`the demo promised that ${promise}, and it is not so`);
}

/** A part of an answer that is always set. @throws Error if it isn't */
export function present<Value>(value: Value | undefined, name: string): Value {
  claim(value !== undefined, `an answer has its ${name}`);
  return value;
}
