import type { Transaction } from "../gen/stationthis/economy/v1/economy_pb.js";
import { type Json, writeExactJson } from "./exact-json.js";
import type { Fields, JsonObject } from "./fields.js";

/*
 * What old calls carry beside the money, as a transaction keeps it: toolId and generationId in columns of their own (ADR-005), the type's name and the other related items as labels.
 */

/** Labels that these paths write themselves. */
const RELATED = "relatedItems.";
const TYPE_LABELS = ["transactionType", "rewardType"] as const;

/** What a debit keeps in columns of its own. */
export interface Spending {
  readonly toolId: string;
  readonly generationId: string;
  /** The other related items. */
  readonly related: JsonObject;
}

/** Reads toolId and generationId, which may stand in the body itself or among its related items. @param relatedField "relatedItems", or "spendContext" */
export function readSpending(fields: Fields, relatedField: string): Spending {
  const { toolId, generationId, ...related } = fields.object(relatedField);
  return {
    toolId: eitherPlace(fields, "toolId", relatedField, toolId),
    generationId: eitherPlace(fields, "generationId", relatedField, generationId),
    related,
  };
}

/** Labels of a transaction: the name of its type as it was given, its related items, and the body's own metadata. */
export function readMetadata(
  fields: Fields,
  type: { readonly label: (typeof TYPE_LABELS)[number]; readonly name: string },
  related: JsonObject,
): Record<string, string> {
  const labels: [string, string][] = [];
  for (const [key, value] of Object.entries(fields.object("metadata"))) {
    if (isOurs(key)) fields.add(`metadata.${key.slice(0, 64)}`, "is kept for the field of this name");
    labels.push([key, typeof value === "string" ? value : writeExactJson(value)]);
  }
  for (const [key, value] of Object.entries(related)) labels.push([RELATED + key, toText(value)]);
  if (type.name !== "") labels.push([type.label, type.name]);
  // Not by assignment: a label may be called "__proto__".
  return Object.fromEntries(labels);
}

/** The related items of a transaction, as they were sent. */
export function relatedItemsOf({ toolId, generationId, metadata }: Transaction): Record<string, unknown> {
  const items: [string, unknown][] = [];
  if (toolId !== "") items.push(["toolId", toolId]);
  if (generationId !== "") items.push(["generationId", generationId]);
  for (const [key, text] of Object.entries(metadata)) {
    if (key.startsWith(RELATED)) items.push([key.slice(RELATED.length), fromText(text)]);
  }
  return Object.fromEntries(items);
}

/** The name of the type that an old call gave; undefined if no such call made the transaction. */
export function oldTypeOf(metadata: Readonly<Record<string, string>>): string | undefined {
  return metadata.transactionType ?? metadata.rewardType;
}

function isOurs(label: string): boolean {
  return label.startsWith(RELATED) || (TYPE_LABELS as readonly string[]).includes(label);
}

function eitherPlace(fields: Fields, name: string, relatedField: string, related: Json | undefined): string {
  const direct = fields.text(name);
  if (related === undefined || related === null) return direct;
  if (typeof related !== "string") fields.add(`${relatedField}.${name}`, "takes a string");
  else if (direct !== "" && related.trim() !== direct) fields.add(name, `is another one in ${relatedField}`);
  else return related.trim();
  return direct;
}

/** A value as a label: text as it is, unless it would be read back as something else. */
function toText(value: Json): string {
  if (typeof value !== "string") return writeExactJson(value);
  return fromText(value) === value ? value : JSON.stringify(value);
}

function fromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
