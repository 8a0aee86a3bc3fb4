import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHeaders } from "../../src/http2/hpack/encode-headers.js";
import { HeaderDecoder, type HeaderField } from "../../src/http2/hpack/header-decoder.js";
import { STATIC_TABLE } from "../../src/http2/hpack/static-table.js";
import { OtherDecoder } from "./hpack-js.js";

const name = fc.oneof(fc.stringMatching(/^[a-z0-9-]{1,30}$/), fc.constantFrom(...STATIC_TABLE.map(([each]) => each)));
const octet = fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code));
const value = fc.oneof(
  fc.string({ unit: octet, maxLength: 300 }),
  fc.constantFrom(...STATIC_TABLE.map(([, each]) => each)),
);
const lists = fc.array(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 });

describe("headers that are sent", () => {
  it("are read by hpack.js and by our own decoder as they were meant, one block after another", () => {
    fc.assert(
      fc.property(lists, (all) => {
        const other = new OtherDecoder();
        const own = new HeaderDecoder(2 ** 20, (fields) => fields);
        for (const fields of all) {
          const block = encodeHeaders(fields);
          expect(other.decode(block)).toEqual(fields);
          expect(own.decode(block)).toEqual(fields);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("add nothing to the client's table, which may have no room at all", () => {
    fc.assert(
      fc.property(lists, (all) => {
        const own = new HeaderDecoder(2 ** 20, (fields) => fields);
        for (const fields of all) own.decode(encodeHeaders(fields));
        expect(() => own.decode(Buffer.of(0xbe))).toThrow("there is no header 62");
        const none = new OtherDecoder(0);
        for (const fields of all) expect(none.decode(encodeHeaders(fields))).toEqual(fields);
      }),
      { numRuns: 50 },
    );
  });

  it("take an octet if everybody knows them, and only their value if everybody knows their name", () => {
    const usual: HeaderField[] = [
      [":status", "200"],
      [":status", "418"],
      ["content-type", "a/b"],
    ];
    expect(encodeHeaders(usual).toString("hex")).toBe("8808033431380f1003612f62");
  });

  it.each([126, 127, 128, 254, 255, 16_384, 100_000])("of %i octets are read again", (octets) => {
    const fields: HeaderField[] = [["a", "x".repeat(octets)]];
    expect(new HeaderDecoder(2 ** 20, (read) => read).decode(encodeHeaders(fields))).toEqual(fields);
  });
});
