import { ConnectionError, ErrorCode } from "../frames.js";
import { huffmanDecoded } from "./huffman.js";
import { STATIC_TABLE } from "./static-table.js";

export type HeaderField = readonly [name: string, value: string];

/** What a table's entry counts for besides its text (RFC 7541, 4.1). */
const ENTRY_BYTES = 32;
/** Of the table that a peer's headers build, unless it asks for less. */
export const MOST_TABLE_BYTES = 4_096;
/** Blocks that are remembered: a client repeats a handful of them. */
const MOST_REMEMBERED = 64;
/** Of a block that is. */
const MOST_REMEMBERED_BYTES = 1_024;
/** More continuation octets than any number here needs. */
const MOST_NUMBER_BITS = 28;

/**
 * Reads the blocks of headers of one connection, each of which may build on those before it (RFC 7541).
 * A block that has been read before, and since then nothing has been added to the table, isn't read again: clients send the same few blocks for all their calls.
 */
export class HeaderDecoder<T> {
  /** The last one is the newest. Never changed but replaced, so that it shows when something has. */
  private table: HeaderField[] = [];
  private tableBytes = 0;
  private mostTableBytes = MOST_TABLE_BYTES;
  /** Replaced and not cleared, for a map that is cleared keeps what it has held (docs/decisions/0043). */
  private remembered = new Map<string, T>();
  private block: Buffer = Buffer.alloc(0);
  private at = 0;

  /**
   * @param mostListBytes of the names and values of one block, with 32 for each (RFC 9113, 6.5.2)
   * @param make what callers get of a block; undefined: it has more than that
   */
  constructor(
    private readonly mostListBytes: number,
    private readonly make: (fields: readonly HeaderField[] | undefined) => T,
  ) {}

  /** @throws ConnectionError if it can't be read: what comes after it can't be, either */
  decode(block: Buffer): T {
    const key = block.toString("latin1");
    const known = this.remembered.get(key);
    if (known !== undefined) return known;
    const { table, mostTableBytes } = this;
    const made = this.make(this.fieldsOf(block));
    const isUnchanged = this.table === table && this.mostTableBytes === mostTableBytes;
    if (!isUnchanged || this.remembered.size >= MOST_REMEMBERED) this.remembered = new Map();
    if (isUnchanged && block.length <= MOST_REMEMBERED_BYTES) this.remembered.set(key, made);
    return made;
  }

  private fieldsOf(block: Buffer): readonly HeaderField[] | undefined {
    this.block = block;
    this.at = 0;
    const fields: HeaderField[] = [];
    let listBytes = 0;
    while (this.at < block.length) {
      const field = this.next(fields.length > 0);
      if (!field) continue;
      listBytes += bytesOf(field);
      // The rest is read all the same: it may change the table.
      if (listBytes <= this.mostListBytes) fields.push(field);
    }
    return listBytes <= this.mostListBytes ? fields : undefined;
  }

  /** The next field; undefined if it was a new size for the table instead. */
  private next(hasFields: boolean): HeaderField | undefined {
    const first = this.block[this.at] as number;
    if (first & 0x80) return this.entry(this.number(7));
    if (first & 0x40) return this.add(this.literal(6));
    if ((first & 0x20) === 0) return this.literal(4);
    if (hasFields) throw unreadable("a table's size after a header");
    this.resize(this.number(5));
    return undefined;
  }

  private literal(prefixBits: number): HeaderField {
    const index = this.number(prefixBits);
    const name = index === 0 ? this.text() : this.entry(index)[0];
    return [name, this.text()];
  }

  private entry(index: number): HeaderField {
    const entry =
      index <= STATIC_TABLE.length
        ? STATIC_TABLE[index - 1]
        : this.table[this.table.length - (index - STATIC_TABLE.length)];
    if (!entry) throw unreadable(`there is no header ${index}`);
    return entry;
  }

  private add(field: HeaderField): HeaderField {
    this.evictTo(this.mostTableBytes - bytesOf(field));
    if (bytesOf(field) <= this.mostTableBytes) {
      this.table = [...this.table, field];
      this.tableBytes += bytesOf(field);
    }
    return field;
  }

  private resize(bytes: number): void {
    if (bytes > MOST_TABLE_BYTES) throw unreadable(`a table of ${bytes} bytes`);
    this.mostTableBytes = bytes;
    this.evictTo(bytes);
  }

  private evictTo(bytes: number): void {
    let evicted = 0;
    while (this.tableBytes > bytes && evicted < this.table.length) {
      this.tableBytes -= bytesOf(this.table[evicted++] as HeaderField);
    }
    if (evicted > 0) this.table = this.table.slice(evicted);
  }

  /** RFC 7541, 5.1. */
  private number(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = this.octet() & most;
    if (value < most) return value;
    for (let shift = 0; shift < MOST_NUMBER_BITS; shift += 7) {
      const octet = this.octet();
      value += (octet & 0x7f) * 2 ** shift;
      if (octet < 0x80) return value;
    }
    throw unreadable("a number that is too large");
  }

  /** RFC 7541, 5.2. */
  private text(): string {
    const isHuffman = ((this.block[this.at] ?? 0) & 0x80) !== 0;
    const end = this.number(7) + this.at;
    if (end > this.block.length) throw unreadable("a text that isn't all there");
    const start = this.at;
    this.at = end;
    const text = isHuffman
      ? huffmanDecoded(this.block.subarray(start, end))
      : this.block.toString("latin1", start, end);
    if (text === undefined) throw unreadable("a text that no code stands for");
    return text;
  }

  private octet(): number {
    const octet = this.block[this.at++];
    if (octet === undefined) throw unreadable("a block that isn't all there");
    return octet;
  }
}

function bytesOf([name, value]: HeaderField): number {
  return name.length + value.length + ENTRY_BYTES;
}

function unreadable(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.compressionError, `headers can't be read: ${what}`);
}
