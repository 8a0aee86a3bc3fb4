const QUOTE = 0x22;
const [MINUS, ZERO, NINE] = [0x2d, 0x30, 0x39] as const;
const UUID_LENGTH = 36;
/** Of what stands around the id and the amount in [["id","amount"]]. */
const PART = 3;

/** Where the id of the grant begins in the one movement of an entry, as stored. */
export const GRANT_START = PART;
export const GRANT_END = GRANT_START + UUID_LENGTH;
export const AMOUNT_START = GRANT_END + PART;
/** What comes behind the amount. */
export const AFTER_AMOUNT = PART;

/** Whether an entry moves one grant, as nearly all of callers' accounts do: then it is known where the parts are, and no JSON is parsed. */
export function isOneMovement(bytes: Uint8Array, start: number, end: number): boolean {
  const [amountStart, amountEnd] = [start + AMOUNT_START, end - AFTER_AMOUNT];
  if (amountStart >= amountEnd || bytes[start + GRANT_END] !== QUOTE || bytes[amountEnd] !== QUOTE) return false;
  for (let index = amountStart; index < amountEnd; index++) {
    const byte = bytes[index] as number;
    if ((byte < ZERO || byte > NINE) && (byte !== MINUS || index > amountStart)) return false;
  }
  return bytes[amountEnd - 1] !== MINUS;
}
