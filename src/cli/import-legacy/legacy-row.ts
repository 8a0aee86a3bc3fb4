/** An old balance as the import takes it: decimal strings, "" for none. */
export interface LegacyRow {
  readonly accountId: string;
  readonly points: string;
  readonly qoints: string;
  readonly doints: string;
  readonly usd: string;
}

/** A number with more digits may have been changed by JSON's floats on its way here. */
const MOST_SIGNIFICANT_DIGITS = 15;

/**
 * Reads one record of an export: `{masterAccountId, usdCredit: {$numberDecimal}}` or `{masterAccountId, points, qoints, doints}`, with ids as text or `{$oid}` and amounts as
 * text, numbers or Mongo's `{$numberInt}`, `{$numberLong}`, `{$numberDouble}`. CSV has the same names as columns, `account_id` and `usd` too.
 * @returns the row, or what is wrong with it
 */
export function legacyRow(record: unknown): LegacyRow | string {
  if (typeof record !== "object" || record === null || Array.isArray(record)) return "is no object";
  const fields = record as Record<string, unknown>;
  const id = textOf(fields.masterAccountId ?? fields.account_id ?? fields._id);
  if (id === undefined || id === "") return "masterAccountId: is missing";
  const amounts: Record<string, string> = {};
  for (const [name, value] of Object.entries({
    points: fields.points,
    qoints: fields.qoints,
    doints: fields.doints,
    usd: fields.usdCredit ?? fields.usd,
  })) {
    const text = textOf(value);
    if (text === undefined) return `${name}: takes a decimal number`;
    amounts[name] = text;
  }
  return { accountId: id, ...(amounts as Omit<LegacyRow, "accountId">) };
}

/** A value as text; "" if there is none, undefined if it is nothing that can be read exactly. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value.trim();
  if (typeof value === "number") {
    const text = String(value);
    return text.replace(/\D/g, "").length <= MOST_SIGNIFICANT_DIGITS ? text : undefined;
  }
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const wrapped = Object.entries(value as Record<string, unknown>);
  const [only] = wrapped;
  return wrapped.length === 1 && only?.[0].startsWith("$") && typeof only[1] === "string" ? only[1].trim() : undefined;
}
