import { type DescField, type DescMessage, type MessageInitShape, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { ByteWriter } from "./byte-writer.js";

/*
 * Messages to bytes, the same bytes that protobuf-es writes (test/wire), in a seventh of its time: that was an eighth of what a debit cost this process (docs/decisions/0024).
 * What is asked of a field's type again and again there is asked once here, for each message type, and plain objects are written as they are.
 */

type Plain = Readonly<Record<string, unknown>>;
type WriteMessage = (message: Plain) => void;
type WriteValue = (value: unknown) => void;

const LENGTH_DELIMITED = 2;
const IMPLICIT = FeatureSet_FieldPresence.IMPLICIT;
const MESSAGES_WITH_JSON_SHAPE = new Set([
  "google.protobuf.Struct",
  "google.protobuf.Value",
  "google.protobuf.ListValue",
]);

const writer = new ByteWriter();
const writers = new Map<DescMessage, WriteMessage>();

/**
 * Encodes a message, or a plain object of its shape, fields in order of their numbers. Fields that a newer schema may have added to it are left out.
 * @param lead ASCII text that goes before the message
 * @throws RangeError if an int64 isn't one
 */
export function encode<Desc extends DescMessage>(desc: Desc, message: MessageInitShape<Desc>, lead = ""): Buffer {
  writer.reset();
  if (lead !== "") writer.ascii(lead);
  writerOf(desc)(message as Plain);
  return writer.written();
}

/**
 * Prepares for a message type, and those in it, so that the first call isn't the slow one and an unsupported type shows at start.
 * @throws Error if there is a field of a kind that no message of ours has
 */
export function prepareToEncode(desc: DescMessage): void {
  writerOf(desc);
}

function writerOf(desc: DescMessage): WriteMessage {
  const known = writers.get(desc);
  if (known) return known;
  const fields: WriteMessage[] = [];
  const write: WriteMessage = (message) => {
    for (const field of fields) field(message);
  };
  // Known before its fields are, which may be of its own type.
  writers.set(desc, write);
  for (const field of desc.fields.toSorted((a, b) => a.number - b.number)) fields.push(fieldOf(field));
  return write;
}

function fieldOf(field: DescField): WriteMessage {
  const { localName, oneof } = field;
  const write = writeOf(field);
  if (oneof) {
    return (message) => {
      const chosen = message[oneof.localName] as { readonly case?: string; readonly value?: unknown } | undefined;
      if (chosen?.case === localName) write(chosen.value);
    };
  }
  const isLeftOut = field.presence === IMPLICIT ? isDefault : isUnset;
  return (message) => {
    const value = message[localName];
    if (!isLeftOut(value)) write(value);
  };
}

function isUnset(value: unknown): boolean {
  return value === undefined;
}

/** Of a field without presence: also what reads the same when it is left out. */
function isDefault(value: unknown): boolean {
  return !value || (value instanceof Uint8Array && value.length === 0);
}

function writeOf(field: DescField): WriteValue {
  switch (field.fieldKind) {
    case "scalar":
      return tagged(field.number, field.scalar, scalarWriter(field.scalar));
    case "enum":
      return tagged(field.number, ScalarType.INT32, scalarWriter(ScalarType.INT32));
    case "message":
      return messageOf(field.number, field.message);
    case "map":
      return mapOf(field);
    case "list":
      return listOf(field);
  }
}

function listOf(field: DescField & { readonly fieldKind: "list" }): WriteValue {
  if (field.listKind === "message") {
    const write = messageOf(field.number, field.message);
    return (items) => {
      for (const item of items as readonly unknown[]) write(item);
    };
  }
  const type = field.listKind === "enum" ? ScalarType.INT32 : field.scalar;
  const write = scalarWriter(type);
  if (!field.packed) {
    const writeTagged = tagged(field.number, type, write);
    return (items) => {
      for (const item of items as readonly unknown[]) writeTagged(item);
    };
  }
  const writeAll = delimited(field.number, (items) => {
    for (const item of items as readonly unknown[]) write(item);
  });
  return (items) => {
    if ((items as readonly unknown[]).length > 0) writeAll(items);
  };
}

function mapOf(field: DescField & { readonly fieldKind: "map" }): WriteValue {
  if (field.mapKey !== ScalarType.STRING) throw unsupported(field);
  const writeKey = tagged(1, field.mapKey, scalarWriter(field.mapKey));
  const writeValue = mapValueOf(field);
  const writeEntry = delimited(field.number, (entry) => {
    const [key, value] = entry as readonly [string, unknown];
    writeKey(key);
    writeValue(value);
  });
  return (map) => {
    for (const entry of Object.entries(map as Plain)) writeEntry(entry);
  };
}

function mapValueOf(field: DescField & { readonly fieldKind: "map" }): WriteValue {
  if (field.mapKind === "message") return messageOf(2, field.message);
  const type = field.mapKind === "enum" ? ScalarType.INT32 : field.scalar;
  return tagged(2, type, scalarWriter(type));
}

function messageOf(number: number, desc: DescMessage): WriteValue {
  if (isWrapperDesc(desc) || MESSAGES_WITH_JSON_SHAPE.has(desc.typeName)) throw unsupported(desc);
  const write = writerOf(desc);
  return delimited(number, (message) => write(message as Plain));
}

function delimited(number: number, write: WriteValue): WriteValue {
  const tag = tagOf(number, LENGTH_DELIMITED);
  return (value) => {
    writer.uint32(tag);
    const start = writer.open();
    write(value);
    writer.close(start);
  };
}

function tagged(number: number, type: ScalarType, write: WriteValue): WriteValue {
  const tag = tagOf(number, wireTypeOf(type));
  return (value) => {
    writer.uint32(tag);
    write(value);
  };
}

function tagOf(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0;
}

function wireTypeOf(type: ScalarType): number {
  if (type === ScalarType.DOUBLE) return 1;
  return type === ScalarType.STRING || type === ScalarType.BYTES ? LENGTH_DELIMITED : 0;
}

function scalarWriter(type: ScalarType): WriteValue {
  switch (type) {
    case ScalarType.STRING:
      return (value) => writer.string(value as string);
    case ScalarType.INT64:
      return (value) => writer.int64(value as bigint);
    case ScalarType.INT32:
      return (value) => writer.int32(value as number);
    case ScalarType.BOOL:
      return (value) => writer.bool(value as boolean);
    case ScalarType.DOUBLE:
      return (value) => writer.double(value as number);
    case ScalarType.BYTES:
      return (value) => writer.raw(value as Uint8Array);
    default:
      throw unsupported(`scalar type ${type}`);
  }
}

function unsupported(what: unknown): Error {
  return new Error(`${what} can't be encoded: no message of ours has had one so far`);
}
