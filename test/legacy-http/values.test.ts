import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePointsRate, pointsPerUsd, usdMicrosOfPoints } from "../../src/domain/points.js";
import { CreditSource } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { JsonNumber, parseExactJson, writeExactJson } from "../../src/legacy-http/exact-json.js";
import { formatUsd, parseUsd } from "../../src/legacy-http/money.js";
import { requestKey } from "../../src/legacy-http/request-key.js";
import { sourceOf } from "../../src/legacy-http/types.js";

describe("an amount in US$", () => {
  it.each([
    ["0.1", 100_000n],
    ["10", 10_000_000n],
    ["10.50", 10_500_000n],
    ["0.000001", 1n],
    ["1e3", 1_000_000_000n],
    ["1.5E-3", 1_500n],
    ["123456789.123456", 123_456_789_123_456n],
  ])("is read exactly from the JSON number %s", (text, micros) => {
    expect(parseUsd(parseExactJson(text))).toBe(micros);
  });

  it.each(["1e-7", "0.1000000", "-1", "1e40", "0.1000000000000000055"])("is not read from %s", (text) => {
    expect(parseUsd(parseExactJson(text))).toBeUndefined();
  });

  it("is read back from what is written, for every amount", () => {
    const amounts = fc.bigInt({ min: 0n, max: 10n ** 18n });
    fc.assert(
      fc.property(amounts, (micros) => {
        const text = formatUsd(micros);
        expect(text).toMatch(/^\d+\.\d{2}(\d{0,3}[1-9])?$/);
        expect(parseUsd(text)).toBe(micros);
        expect(parseUsd(new JsonNumber(text))).toBe(micros);
      }),
    );
  });
});

describe("exact JSON", () => {
  it("is what JSON.parse reads, except that numbers stay as they were written", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        expect(JSON.parse(writeExactJson(parseExactJson(text)))).toEqual(JSON.parse(text));
      }),
    );
    expect(writeExactJson(parseExactJson('{"a":1.10,"b":[-0,1E5],"1":"2\\"3"}'))).toBe(
      '{"1":"2\\"3","a":1.10,"b":[-0,1E5]}',
    );
  });

  it("takes a key called __proto__ for a key", () => {
    const read = parseExactJson('{"__proto__":{"amountUsd":1}}') as Record<string, unknown>;
    expect(Object.keys(read)).toEqual(["__proto__"]);
    expect(read.amountUsd).toBeUndefined();
  });
});

describe("points", () => {
  const rate = parsePointsRate("0.000000333333") ?? { picoUsdPerPoint: 1n };

  it("round up to a micro as a price and down as a gift", () => {
    expect(usdMicrosOfPoints(1n, rate, "up")).toBe(1n);
    expect(usdMicrosOfPoints(1n, rate, "down")).toBe(0n);
    expect(usdMicrosOfPoints(10n, rate, "up")).toBe(4n);
    expect(usdMicrosOfPoints(10n, rate, "down")).toBe(3n);
    const whole = parsePointsRate("0.000337") ?? rate;
    expect(usdMicrosOfPoints(1_000n, whole, "up")).toBe(337_000n);
    expect(usdMicrosOfPoints(1_000n, whole, "down")).toBe(337_000n);
  });

  it("per dollar are told with six decimals", () => {
    expect(pointsPerUsd(parsePointsRate("0.000337") ?? rate)).toBe("2967.359050");
    expect(pointsPerUsd(parsePointsRate("0.5") ?? rate)).toBe("2.000000");
  });
});

describe("an old type", () => {
  it("is known in either case and with - or spaces, and is an ADJUSTMENT otherwise", () => {
    expect(["ADMIN_GIFT", "admin-gift", "Admin Gift"].map(sourceOf)).toEqual(Array(3).fill(CreditSource.ADMIN_GIFT));
    expect(["constructor", "", "SPELL_CREATOR_SHARE"].map(sourceOf)).toEqual(Array(3).fill(CreditSource.ADJUSTMENT));
  });
});

describe("the request_id of an old call", () => {
  it("is the header if it fits, else its digest, else what the call is about, else new", () => {
    expect(requestKey("key-1", ["debit", "g", "t"])).toBe("key-1");
    expect(requestKey("k".repeat(129), undefined)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(requestKey(undefined, ["debit", "g", "t"])).toBe('legacy:["debit","g","t"]');
    expect(requestKey("", ["debit", "g".repeat(128), "\u00e9"])).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(requestKey(undefined, undefined)).not.toBe(requestKey(undefined, undefined));
  });

  it("doesn't mix up what two calls are about", () => {
    expect(requestKey(undefined, ["debit", 'a","b', "c"])).not.toBe(requestKey(undefined, ["debit", "a", 'b","c']));
  });
});
