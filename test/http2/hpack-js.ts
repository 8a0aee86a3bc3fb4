import hpack from "hpack.js";
import type { HeaderField } from "../../src/http2/hpack/header-decoder.js";

/** A client's encoder by other people: it uses a table and Huffman codes wherever it can. */
export class OtherEncoder {
  private readonly compressor;

  constructor(tableBytes = 4_096) {
    this.compressor = hpack.compressor.create({ table: { maxSize: tableBytes } });
  }

  encode(fields: readonly HeaderField[]): Buffer {
    this.compressor.write(fields.map(([name, value]) => ({ name, value })));
    return Buffer.concat([...piecesOf(this.compressor)]);
  }
}

/** And a decoder by other people, with a table of its own. */
export class OtherDecoder {
  private readonly decompressor;

  constructor(tableBytes = 4_096) {
    this.decompressor = hpack.decompressor.create({ table: { maxSize: tableBytes } });
  }

  decode(block: Buffer): HeaderField[] {
    this.decompressor.write(block);
    this.decompressor.execute();
    return [...piecesOf(this.decompressor)].map(({ name, value }) => [name, value]);
  }
}

function* piecesOf<T>(coder: { read(): T | null }): Iterable<T> {
  for (let piece = coder.read(); piece; piece = coder.read()) yield piece;
}
