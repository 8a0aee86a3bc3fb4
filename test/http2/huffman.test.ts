import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { huffmanDecoded } from "../../src/http2/hpack/huffman.js";
import { OtherEncoder } from "./hpack-js.js";

const decoded = (hex: string): string | undefined => huffmanDecoded(Buffer.from(hex, "hex"));

describe("Huffman-coded text", () => {
  it.each([
    ["f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"],
    ["a8eb10649cbf", "no-cache"],
    ["25a849e95ba97d7f", "custom-key"],
    ["25a849e95bb8e8b4bf", "custom-value"],
    ["6402", "302"],
    ["d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["9d29ad171863c78f0b97c8e9ae82ae43d3", "https://www.example.com"],
    ["", ""],
  ])("%s is read as RFC 7541 has it", (hex, text) => {
    expect(decoded(hex)).toBe(text);
  });

  it("of every octet is read as hpack.js writes it", () => {
    const octets = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));
    for (const octet of octets) expect(huffmanDecoded(encoded(Buffer.of(octet)))).toBe(String.fromCharCode(octet));
    expect(huffmanDecoded(encoded(octets))).toBe(octets.toString("latin1"));
  });

  it("of any octets is read as hpack.js writes it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (octets) => {
        expect(huffmanDecoded(encoded(octets))).toBe(Buffer.from(octets).toString("latin1"));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["the end's code", "ffffffff"],
    ["the end's code after a character", "1fffffffff"],
    ["an octet of padding", "1fff"],
    ["nothing but an octet of padding", "ff"],
    ["padding of zeros", "18"],
    ["padding with a zero in it", "1e"],
    ["the beginning of a long code at the end", "fe"],
  ])("with %s isn't any", (_, hex) => {
    expect(decoded(hex)).toBeUndefined();
  });

  it("is no longer than its bits allow, even if it is all of the shortest codes", () => {
    expect(decoded("0000000000")).toBe("00000000");
  });
});

/** By hpack.js, as the value of a header. */
function encoded(octets: Uint8Array): Buffer {
  return valueIn(new OtherEncoder(0).encode([["a", Buffer.from(octets).toString("latin1")]]));
}

/** A literal's value, after its name: one Huffman-coded character. */
function valueIn(block: Buffer): Buffer {
  const start = 1 + 1 + ((block[1] as number) & 0x7f);
  const length = (block[start] as number) & 0x7f;
  if (length < 0x7f) return block.subarray(start + 1);
  let at = start + 1;
  while ((block[at] as number) & 0x80) at++;
  return block.subarray(at + 1);
}
