import { create, type DescField, type DescMessage, ScalarType, toBinary } from "@bufbuild/protobuf";
import { EmptySchema, StructSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { HealthListResponseSchema } from "../../src/gen/health/v1/health_pb.js";
import { DebitRequestSchema, EconomyService } from "../../src/gen/stationthis/economy/v1/economy_service_pb.js";
import { GenerationService } from "../../src/gen/stationthis/generation/v1/generation_service_pb.js";
import { RewardsService } from "../../src/gen/stationthis/rewards/v1/rewards_service_pb.js";
import { encode, prepareToEncode } from "../../src/wire/encode.js";
import { randomFrom } from "../support/random.js";

const ROUNDS = 200;
const TEXTS = ["", "a", "id-0123", "é", "日本語", "😀", "a\0b", "x".repeat(127), "y".repeat(128), "é".repeat(20_000)];
const INT64S = [
  0n,
  1n,
  -1n,
  127n,
  128n,
  2n ** 31n,
  2n ** 32n,
  2n ** 35n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 53n) - 1n,
  -(2n ** 63n),
];
const INT32S = [0, 1, -1, 127, 128, 16_384, 2 ** 31 - 1, -(2 ** 31)];
const DOUBLES = [0, 0.5, -1, 1e300, Number.MIN_VALUE];
const BYTES = [new Uint8Array(), new Uint8Array([0]), new Uint8Array(200).fill(7)];

/** protobuf-es loses a "__proto__" that leads to a message, so there it is no measure. */
function keysOf(field: DescField & { readonly fieldKind: "map" }): readonly string[] {
  return field.mapKind === "message" ? TEXTS : ["__proto__", ...TEXTS];
}

/** Plain objects of any shape that a message type takes. */
class Shapes {
  constructor(private readonly random: () => number) {}

  message(desc: DescMessage, depth = 0): Record<string, unknown> {
    const shape: Record<string, unknown> = {};
    for (const member of desc.members) {
      if (this.random() < 0.3) continue;
      if (member.kind === "oneof") {
        const field = this.one(member.fields);
        shape[member.localName] = { case: field.localName, value: this.value(field, depth) };
      } else {
        shape[member.localName] = this.value(member, depth);
      }
    }
    return shape;
  }

  private value(field: DescField, depth: number): unknown {
    switch (field.fieldKind) {
      case "scalar":
        return this.scalar(field.scalar);
      case "enum":
        return this.one(field.enum.values).number;
      case "message":
        return depth > 3 ? {} : this.message(field.message, depth + 1);
      case "map":
        return Object.fromEntries(
          keysOf(field)
            .slice(0, this.count())
            .map((key) => [key, this.mapValue(field, depth)]),
        );
      case "list":
        return Array.from({ length: this.count() }, () => this.item(field, depth));
    }
  }

  private mapValue(field: DescField & { readonly fieldKind: "map" }, depth: number): unknown {
    if (field.mapKind === "message") return this.message(field.message, depth + 1);
    return field.mapKind === "enum" ? this.one(field.enum.values).number : this.scalar(field.scalar);
  }

  private item(field: DescField & { readonly fieldKind: "list" }, depth: number): unknown {
    if (field.listKind === "message") return depth > 3 ? {} : this.message(field.message, depth + 1);
    return field.listKind === "enum" ? this.one(field.enum.values).number : this.scalar(field.scalar);
  }

  private scalar(type: ScalarType): unknown {
    if (type === ScalarType.STRING) return this.one(TEXTS);
    if (type === ScalarType.INT64) return this.one(INT64S);
    if (type === ScalarType.INT32) return this.one(INT32S);
    if (type === ScalarType.BOOL) return this.random() < 0.5;
    if (type === ScalarType.DOUBLE) return this.one(DOUBLES);
    return this.one(BYTES);
  }

  private count(): number {
    return Math.floor(this.random() * 4);
  }

  private one<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)] as T;
  }
}

const messages: DescMessage[] = [EconomyService, GenerationService, RewardsService]
  .flatMap((service) => service.methods.flatMap(({ input, output }) => [input, output]))
  .concat(HealthListResponseSchema);

describe("what is encoded", () => {
  it.each(messages.map((desc) => [desc.name, desc] as const))("of %s is what protobuf-es writes", (_, desc) => {
    const seed = Number(process.env.TOLLGATE_TEST_SEED ?? Date.now());
    const shapes = new Shapes(randomFrom(seed));
    for (let round = 0; round < ROUNDS; round++) {
      const shape = shapes.message(desc) as never;
      const expected = Buffer.from(toBinary(desc, create(desc, shape)));
      expect(encode(desc, shape).equals(expected), `TOLLGATE_TEST_SEED=${seed}, round ${round}`).toBe(true);
    }
  });

  it.each(INT64S)("of the amount %s is what protobuf-es writes", (amountUsdMicros) => {
    const expected = Buffer.from(toBinary(DebitRequestSchema, create(DebitRequestSchema, { amountUsdMicros })));
    expect(encode(DebitRequestSchema, { amountUsdMicros })).toEqual(expected);
  });

  it("leaves fields out that a newer schema has added", () => {
    const message = create(DebitRequestSchema, { accountId: "ann" });
    message.$unknown = [{ no: 999, wireType: 0, data: new Uint8Array([1]) }];
    expect(encode(DebitRequestSchema, message)).toEqual(encode(DebitRequestSchema, { accountId: "ann" }));
  });

  it("is its own copy, which the next message doesn't change", () => {
    const first = encode(DebitRequestSchema, { accountId: "ann" });
    const before = Buffer.from(first);
    encode(DebitRequestSchema, { accountId: "ben" });
    expect(first).toEqual(before);
  });

  it("of nothing is nothing", () => {
    expect(encode(EmptySchema, {})).toHaveLength(0);
  });
});

describe("what can't be encoded", () => {
  it.each([1.5, 5, "5"])("as an amount is refused: %j", (amountUsdMicros) => {
    expect(() => encode(DebitRequestSchema, { amountUsdMicros: amountUsdMicros as never })).toThrow();
  });

  it.each([2n ** 63n, -(2n ** 63n) - 1n])("as %s, which is no int64, is refused and not cut", (amountUsdMicros) => {
    expect(() => encode(DebitRequestSchema, { amountUsdMicros })).toThrow(RangeError);
  });

  it("as a kind of field that no message has is refused before there is a message", () => {
    expect(() => prepareToEncode(StructSchema)).toThrow("can't be encoded");
  });
});
