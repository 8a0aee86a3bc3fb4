import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConnectionError, ErrorCode } from "../../src/http2/frames.js";
import { HeaderDecoder, type HeaderField } from "../../src/http2/hpack/header-decoder.js";
import { OtherEncoder } from "./hpack-js.js";

type Fields = readonly HeaderField[] | undefined;

const reading = (mostListBytes = 2 ** 20): HeaderDecoder<Fields> =>
  new HeaderDecoder(mostListBytes, (fields) => fields);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** Requests of RFC 7541, C.3 and C.4: the same three, without and with Huffman codes. */
const FIRST: HeaderField[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const THIRD: HeaderField[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/index.html"],
  [":authority", "www.example.com"],
  ["custom-key", "custom-value"],
];
const REQUESTS = [FIRST, [...FIRST, ["cache-control", "no-cache"]], THIRD];

const DATE = "Mon, 21 Oct 2013 20:13";
const COOKIE = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const answer = (status: string, date: string): HeaderField[] => [
  [":status", status],
  ["cache-control", "private"],
  ["date", date],
  ["location", "https://www.example.com"],
];
/** Answers of RFC 7541, C.5 and C.6, which evict what came before. */
const ANSWERS: HeaderField[][] = [
  answer("302", `${DATE}:21 GMT`),
  answer("307", `${DATE}:21 GMT`),
  [...answer("200", `${DATE}:22 GMT`), ["content-encoding", "gzip"], ["set-cookie", COOKIE]],
];
/** A table of 256 bytes, as these examples have it. */
const SMALL_TABLE = "3fe101";

describe("blocks of headers", () => {
  it.each([
    [
      "without Huffman codes (C.3)",
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
    ],
    [
      "with Huffman codes (C.4)",
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
    ],
  ])("of RFC 7541's requests are read %s", (_, blocks) => {
    const decoder = reading();
    expect(blocks.map((block) => decoder.decode(hex(block)))).toEqual(REQUESTS);
  });

  it.each([
    [
      "without Huffman codes (C.5)",
      [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
      ],
    ],
    [
      "with Huffman codes (C.6)",
      [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
      ],
    ],
  ])("of RFC 7541's answers are read %s, and a small table forgets the oldest headers", (_, [first, ...others]) => {
    const decoder = reading();
    const blocks = [SMALL_TABLE + first, ...others];
    expect(blocks.map((block) => sorted(decoder.decode(hex(block))))).toEqual(ANSWERS.map((each) => sorted(each)));
    expect([0xbe, 0xbf, 0xc0].map((index) => decoder.decode(Buffer.of(index))?.[0]?.[0])).toEqual([
      "set-cookie",
      "content-encoding",
      "date",
    ]);
    expect(() => decoder.decode(Buffer.of(0xc1))).toThrow("there is no header 65");
  });

  it("of any headers are read as hpack.js wrote them, also when they repeat", () => {
    const name = fc.constantFrom("content-type", "grpc-timeout", ":path", "x-id", "x-trace", "a");
    const value = fc.oneof(
      fc.constantFrom("", "200", "application/grpc"),
      fc.string({ maxLength: 60 }),
      fc.nat().map(String),
    );
    const list = fc.array(fc.tuple(name, value.filter(isUsual)), { minLength: 1, maxLength: 8 });
    const sequence = fc
      .tuple(fc.array(list, { minLength: 1, maxLength: 8 }), fc.array(fc.nat(), { minLength: 1, maxLength: 60 }))
      .map(([lists, order]) => order.map((index) => lists[index % lists.length] as HeaderField[]));
    fc.assert(
      fc.property(sequence, fc.constantFrom(0, 100, 300, 4_096), (lists, tableBytes) => {
        const encoder = new OtherEncoder(tableBytes);
        const decoder = reading();
        decoder.decode(sizeUpdate(tableBytes));
        for (const fields of lists) expect(decoder.decode(encoder.encode(fields))).toEqual(fields);
      }),
      { numRuns: 300 },
    );
  });

  it("that come again aren't read again, until the table has changed", () => {
    let read = 0;
    const decoder = new HeaderDecoder(2 ** 20, (fields) => {
      read++;
      return fields;
    });
    const add = (value: string): Buffer => Buffer.concat([hex("40 01 61 01"), Buffer.from(value)]);
    const newest = Buffer.of(0xbe);
    decoder.decode(add("1"));
    for (let times = 0; times < 3; times++) expect(decoder.decode(newest)).toEqual([["a", "1"]]);
    expect(read).toBe(2);
    decoder.decode(add("2"));
    expect(decoder.decode(newest)).toEqual([["a", "2"]]);
    decoder.decode(add("1"));
    expect(decoder.decode(newest)).toEqual([["a", "1"]]);
    decoder.decode(sizeUpdate(0));
    expect(() => decoder.decode(newest)).toThrow(ConnectionError);
  });

  it("that add to the table add to it each time they come", () => {
    const decoder = reading();
    for (let times = 0; times < 3; times++) decoder.decode(hex("40 01 61 01 62"));
    expect(decoder.decode(hex("be bf c0"))).toEqual(Array(3).fill(["a", "b"]));
  });

  it("may make the table smaller and larger again, with all that was in it forgotten", () => {
    const decoder = reading();
    decoder.decode(hex("40 01 61 01 62"));
    expect(decoder.decode(Buffer.concat([sizeUpdate(0), sizeUpdate(4_096), hex("82")]))).toEqual([[":method", "GET"]]);
    expect(() => decoder.decode(hex("be"))).toThrow("there is no header 62");
  });

  it("with a header larger than the table empty the table", () => {
    const decoder = reading();
    decoder.decode(Buffer.concat([sizeUpdate(64), hex("40 01 61 01 62")]));
    const large = Buffer.concat([hex("40 01 61 40"), Buffer.alloc(64, "x")]);
    expect(decoder.decode(large)).toEqual([["a", "x".repeat(64)]]);
    expect(() => decoder.decode(hex("be"))).toThrow("there is no header 62");
  });

  it("with more than is taken are read all the same, as later ones may build on them", () => {
    const decoder = reading(100);
    const large = Buffer.concat([hex("40 01 61 40"), Buffer.alloc(64, "x"), hex("40 01 62 01 63")]);
    expect(decoder.decode(large)).toBeUndefined();
    expect(decoder.decode(hex("be"))).toEqual([["b", "c"]]);
  });

  it("that unpack to megabytes make none", () => {
    const decoder = reading(16 * 1_024);
    decoder.decode(new OtherEncoder().encode([["a", "x".repeat(4_000)]]));
    expect(decoder.decode(Buffer.alloc(16 * 1_024, 0xbe))).toBeUndefined();
  });

  it.each([
    ["header 0", "80"],
    ["a header past the table", "be"],
    ["a name past the table", "7f 00 01 61"],
    ["a number that ends too early", "ff"],
    ["a number that goes on and ends too early", "ff 80"],
    ["a number that is too large", "ff ff ff ff ff 0f"],
    ["a number in more octets than it needs", "ff 80 80 80 80 00"],
    ["a name that isn't all there", "40 05 61"],
    ["a value that isn't all there", "40 01 61 05 62"],
    ["no value", "40 01 61"],
    ["no name", "40"],
    ["a length of gigabytes", "40 7f ff ff ff 7f"],
    ["the end's code in a text", "40 01 61 84 ff ff ff ff"],
    ["padding of an octet", "40 01 61 82 1f ff"],
    ["padding of zeros", "40 01 61 81 18"],
    ["a table's size after a header", "82 20"],
    ["a table above 4096 bytes", "3f e2 1f"],
  ])("with %s can't be read", (_, block) => {
    expect(() => reading().decode(hex(block))).toThrow(
      expect.objectContaining({ name: "ConnectionError", code: ErrorCode.compressionError }),
    );
  });
});

/** Of octets only, and none of those that hpack.js takes for known because every object has them. */
function isUsual(text: string): boolean {
  return Buffer.from(text, "latin1").toString("latin1") === text && !(text in {});
}

function sorted(fields: Fields): string[] {
  return [...(fields ?? [])].map(String).sort();
}

/** RFC 7541, 6.3. */
function sizeUpdate(bytes: number): Buffer {
  if (bytes < 31) return Buffer.of(0x20 | bytes);
  const octets = [0x3f];
  let rest = bytes - 31;
  for (; rest >= 0x80; rest >>= 7) octets.push(0x80 | (rest & 0x7f));
  return Buffer.of(...octets, rest);
}
