/*
 * Kinds of request fields, as the comments of the .proto files describe them, each with values that have to be taken and values that have to be refused. Written from the
 * contract alone: nothing here knows src/rpc/validation.
 */

/** What one field takes. */
export interface Kind {
  /** Values that are refused with a violation that names the field. */
  readonly refused: readonly unknown[];
  /** Values that are refused as AMOUNT_OUT_OF_RANGE. */
  readonly outOfRange?: readonly unknown[];
  /** Values that no violation may complain about. */
  readonly taken: readonly unknown[];
  /** JSON that can't be read as this field at all. */
  readonly unreadable: readonly unknown[];
  /** Whether a request without it is refused. */
  readonly isRequired: boolean;
}

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT32 = 2 ** 31 - 1;
const MIN_INT32 = -(2 ** 31);
const LIMIT = 1_000_000_000_000n;

const NUL = "a\0b";
const SQL = "'; drop table accounts; --";
/** Keys that mean something to JavaScript, and text that means something to a shell, a log or a page. */
const LOADED = ["__proto__", "constructor"];
const INJECTIONS = [SQL, "$(reboot)", "<script>alert(1)</script>", "%s%n%x{{7*7}}"];
const NO_STRINGS = [5, {}, "\ud800", "a\udc00b"];

function kind(
  taken: readonly unknown[],
  refused: readonly unknown[],
  unreadable: readonly unknown[],
  isRequired = false,
): Kind {
  return { taken, refused, unreadable, isRequired };
}

function required(optional: Kind, missing: unknown): Kind {
  const taken = optional.taken.filter((value) => value !== missing);
  return { ...optional, taken, refused: [missing, ...optional.refused], isRequired: true };
}

/** At most `max` printable ASCII characters. */
function printable(max: number): Kind {
  const taken = ["", "x".repeat(max), " ", "~", ...LOADED, ...INJECTIONS];
  return kind(taken, ["x".repeat(max + 1), "x".repeat(70_000), NUL, "a\nb", "\t", "\x7f", "ä", "😀"], NO_STRINGS);
}

const NO_IDS = ["a b", "a/b", "a#b", "ä", "a\n", NUL, SQL, "x".repeat(129), "x".repeat(70_000)];
const RUN_ID = kind(["", "x".repeat(128), "x402:0xAbC", "-100", ".", ...LOADED], NO_IDS, NO_STRINGS);
const ANY_ACCOUNT = kind([...RUN_ID.taken, "sys:revenue", "sys:nothing"], NO_IDS, NO_STRINGS);
const OWN_ACCOUNT = kind(
  [...RUN_ID.taken, "SYS:revenue", "sys"],
  [...NO_IDS, "sys:revenue", "sys:", "sys:x"],
  NO_STRINGS,
);

/** At most `max` characters of any kind. */
function text(max: number): Kind {
  const taken = ["", "x".repeat(max), "😀".repeat(max), "a\nb\t\r\u2028", "ä\u202e", ...LOADED, ...INJECTIONS];
  return kind(taken, ["x".repeat(max + 1), "😀".repeat(max + 1), NUL, "\0"], NO_STRINGS);
}

const NO_INTEGERS = ["abc", "NaN", "1e999", "", "1.5", 1.5, true, []];
const NO_INT64 = [...NO_INTEGERS, "9223372036854775808", "-9223372036854775809"];
const NO_INT32 = [...NO_INTEGERS, "2147483648", 2 ** 53, "9223372036854775807"];

const MONEY: Kind = {
  ...kind([0n, 1n, LIMIT], [-1n, MIN_INT64, -(2n ** 53n)], NO_INT64),
  outOfRange: [LIMIT + 1n, 2n ** 53n, MAX_INT64],
};

function int32(min: number, max: number): Kind {
  const outside = [min - 1, max + 1, MIN_INT32, MAX_INT32].filter((value) => value < min || value > max);
  return kind(
    [0, min, max],
    outside.filter((value) => value >= MIN_INT32 && value <= MAX_INT32),
    NO_INT32,
  );
}

/** Any of the values 0 to `last`. */
function enumeration(last: number): Kind {
  const known = Array.from({ length: last + 1 }, (_, value) => value);
  return kind(known, [last + 93, 999, -1, MAX_INT32, MIN_INT32], ["NOPE", "1", "", 1.5, true, {}, []]);
}

const DECIMALS = ["0.000000000001", "1", "1000000", "0.000337", "000001.5"];
const NO_DECIMALS = [
  ...["0", "0.0", "-1", "+1", "1e3", "NaN", "Infinity", " 1", "1 ", "1,5", ".5", "1.", "0x10", "１", NUL, SQL],
  ...["0.0000000000001", "1000000.000000000001", "1000001", "9".repeat(18), "9".repeat(400)],
];

const LAST_SECOND = 253_402_300_799n;
const END_OF_TIME = { seconds: LAST_SECOND, nanos: 999_999_999 };

const TIME = kind(
  [{ seconds: 0n, nanos: 0 }, END_OF_TIME, { seconds: 1n, nanos: 1 }],
  [
    { seconds: -1n, nanos: 0 },
    { seconds: LAST_SECOND + 1n, nanos: 0 },
    { seconds: MAX_INT64, nanos: 0 },
    { seconds: MIN_INT64, nanos: 0 },
    { seconds: 0n, nanos: -1 },
    { seconds: 0n, nanos: 1_000_000_000 },
    { seconds: 0n, nanos: MAX_INT32 },
  ],
  ["abc", "", "2026-13-01T00:00:00Z", "1960-01-01", 5, true, {}, []],
);

function inSeconds(seconds: number): object {
  return { seconds: BigInt(Math.floor(Date.now() / 1_000) + seconds), nanos: 0 };
}

const NO_DURATIONS = ["abc", "", "5", 5, true, {}, [], "1e9s"];

/** Kinds by what a comment calls them. */
export const KINDS = {
  requestId: required(printable(128), ""),
  label: printable(128),
  requiredLabel: required(printable(128), ""),
  externalReference: printable(200),
  account: required(OWN_ACCOUNT, ""),
  optionalAccount: OWN_ACCOUNT,
  optionalReadableAccount: ANY_ACCOUNT,
  readableAccount: required(ANY_ACCOUNT, ""),
  runId: RUN_ID,
  requiredRunId: required(RUN_ID, ""),
  text,
  amount: required(MONEY, 0n),
  amountOrZero: MONEY,
  quantity: kind([0n, 10n ** 15n], [-1n, 10n ** 15n + 1n, 2n ** 53n, MAX_INT64, MIN_INT64], NO_INT64),
  int32,
  enumeration,
  requiredEnumeration: (last: number) => required(enumeration(last), 0),
  decimal: kind(["", ...DECIMALS], NO_DECIMALS, NO_STRINGS),
  requiredDecimal: required(kind(["", ...DECIMALS], NO_DECIMALS, NO_STRINGS), ""),
  fraction: kind(
    [0, 1, 0.5, -0, Number.MIN_VALUE],
    [-0.1, 1.000001, 2 ** 53, -Number.MAX_VALUE, Number.NaN, Infinity, -Infinity],
    ["abc", "", " 1", true, [], {}],
  ),
  /** 0 to what an int32 holds. */
  pageSize: kind([0, 1, 500, 501, MAX_INT32], [-1, MIN_INT32], NO_INT32),
  pageToken: kind([""], [NUL, "x", SQL, "😀", "__proto__", "A".repeat(4_096), "A".repeat(70_000)], NO_STRINGS),
  time: TIME,
  /** When something was seen: no later than a minute from now. */
  observedTime: {
    ...TIME,
    taken: TIME.taken.filter((time) => time !== END_OF_TIME),
    refused: [...TIME.refused, END_OF_TIME, inSeconds(3_600)],
  },
  /** When something will end: later than now. */
  timeToCome: {
    ...TIME,
    taken: [END_OF_TIME, inSeconds(3_600)],
    refused: [...TIME.refused, { seconds: 0n, nanos: 0 }, inSeconds(-3_600)],
  },
  runDuration: kind(
    [
      { seconds: 0n, nanos: 0 },
      { seconds: 31_536_000n, nanos: 0 },
      { seconds: 0n, nanos: 999_999_999 },
    ],
    [
      { seconds: -1n, nanos: 0 },
      { seconds: 31_536_001n, nanos: 0 },
      { seconds: MAX_INT64, nanos: 0 },
      { seconds: 0n, nanos: -1 },
      { seconds: 1n, nanos: 1_000_000_000 },
    ],
    NO_DURATIONS,
  ),
  holdTtl: kind(
    [
      { seconds: 0n, nanos: 1_000_000 },
      { seconds: 86_400n, nanos: 0 },
    ],
    [
      { seconds: 0n, nanos: 999_999 },
      { seconds: 86_400n, nanos: 1 },
      { seconds: 0n, nanos: 0 },
      { seconds: -1n, nanos: 0 },
      { seconds: MAX_INT64, nanos: 0 },
      { seconds: 1n, nanos: -1 },
      { seconds: 1n, nanos: 1_000_000_000 },
    ],
    NO_DURATIONS,
  ),
  sourceName: required(
    kind(
      ["", "x".repeat(60), "mongo-2026_1.json", ...LOADED],
      ["x".repeat(61), "a b", "a:b", "ä", "a\n", NUL, SQL],
      NO_STRINGS,
    ),
    "",
  ),
  flag: kind([true, false], [], ["true", 1, "", [], {}]),
  /** Sent with a request, and of no effect. */
  ignored: kind([undefined, { seconds: MAX_INT64, nanos: -1 }], [], ["abc", 5]),
  labels: kind(
    [
      {},
      { x: "" },
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, "v".repeat(500)])),
      { ["😀".repeat(64)]: "😀".repeat(500), constructor: "x", toString: "y", [SQL]: SQL },
    ],
    [
      { "": "x" },
      { ["x".repeat(65)]: "" },
      { ["x".repeat(70_000)]: "" },
      { [NUL]: "x" },
      { x: NUL },
      { x: "v".repeat(501) },
      Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${index}`, ""])),
    ],
    ["x", 5, [], { a: 5 }, { a: null }, { a: {} }, { "\ud800": "x" }, { x: "\udc00" }],
  ),
  /** A message that may be left out. */
  message: kind([undefined], [], ["x", 5, true, []]),
  requiredMessage: kind([], [undefined], ["x", 5, true, []], true),
  /** Up to `max` of an item that is fine by itself. */
  list: (max: number, item: unknown) =>
    kind([[], Array(max).fill(item)], [Array(max + 1).fill(item), Array(max * 5).fill(item)], ["x", 5, {}, [null]]),
  requiredList: (max: number, item: unknown) =>
    kind([[item], Array(max).fill(item)], [[], Array(max + 1).fill(item)], ["x", 5, {}, [null]], true),
} as const;
