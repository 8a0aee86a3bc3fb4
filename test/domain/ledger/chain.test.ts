import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHAIN_START, digestOfDetails, entryHash } from "../../../src/domain/ledger/chain.js";
import type { EntryRow, TransactionRow } from "../../../src/domain/ledger/rows.js";
import { sampleEntry, sampleTransaction } from "../samples.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function hashOf(
  transaction: Partial<TransactionRow> = {},
  entry: Partial<EntryRow> = {},
  previous: Uint8Array = CHAIN_START,
): string {
  return hex(entryHash(previous, sampleTransaction(transaction), sampleEntry(entry)));
}

/** Another value of every field that lasts: a new field doesn't compile until it is here. */
const EDITED_TRANSACTION: Omit<TransactionRow, "description" | "metadata" | "refundedUsdMicros"> = {
  transactionId: "transaction-2",
  type: "CREDIT",
  toolId: "",
  generationId: "generation-2",
  externalReference: "stripe-2",
  refundOfTransactionId: "transaction-0",
  rewardPolicyId: "adr-012",
  detailsDigest: new Uint8Array(32).fill(8),
  caller: "web",
  requestId: "request-2",
  createTime: 1_700_000_000_000_001n,
};
const EDITED_ENTRY: Omit<EntryRow, "hash" | "transactionId"> = {
  position: 1,
  accountId: "mallory",
  accountVersion: 3n,
  amountUsdMicros: 120n,
  balanceAfterUsdMicros: 381n,
  grantMovements: [["grant-1", -120n]],
};

describe("an entry's hash", () => {
  // Computed by another program: chains written by earlier versions must still verify.
  it("is the one that chains written long ago are made of", () => {
    expect(hashOf()).toBe("a63f4e2fbba15d1d6e63d47bf2e0a74426d9413901a764f4bff53053c6540fbd");
  });

  it("starts from 32 zero bytes", () => {
    expect(hex(CHAIN_START)).toBe("00".repeat(32));
  });

  it.each(Object.entries(EDITED_TRANSACTION))("shows an edited %s of the transaction", (field, value) => {
    expect(hashOf({ [field]: value })).not.toBe(hashOf());
  });

  it.each(Object.entries(EDITED_ENTRY))("shows an edited %s of the entry", (field, value) => {
    expect(hashOf({}, { [field]: value })).not.toBe(hashOf());
  });

  it("shows removed grant movements", () => {
    expect(hashOf({}, { grantMovements: [] })).not.toBe(hashOf());
  });

  it("shows a changed, removed or inserted entry before it", () => {
    const previous = entryHash(CHAIN_START, sampleTransaction(), sampleEntry({ accountVersion: 1n }));
    expect(hashOf({}, {}, previous)).not.toBe(hashOf());
  });

  it("stays when description and metadata are erased, because their digest stands for them", () => {
    expect(hashOf({ description: "", metadata: {} })).toBe(hashOf());
  });

  it("stays when money is given back, because that is told by the refunds' own entries", () => {
    expect(hashOf({ refundedUsdMicros: 120n })).toBe(hashOf());
  });

  it("tells apart the same characters in other fields", () => {
    const texts = fc.string({ unit: fc.constantFrom("1", "2", ":"), maxLength: 4 });
    const fields = fc.record({
      toolId: texts,
      generationId: texts,
      externalReference: texts,
      refundOfTransactionId: texts,
    });
    fc.assert(
      fc.property(fields, fields, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(hashOf(one) === hashOf(other)).toBe(isSame);
      }),
    );
  });
});

describe("the digest of the details", () => {
  it("is the one that chains written long ago are made of, in whatever order the labels come", () => {
    const expected = "fa3a442c2d487cab5ef8227a9149d3b65e8c769f47679c613be961efb717edf5";
    expect(hex(digestOfDetails("one run", { a: "1", b: "2" }))).toBe(expected);
    expect(hex(digestOfDetails("one run", { b: "2", a: "1" }))).toBe(expected);
  });

  it("differs whenever the description or a label differs", () => {
    const texts = fc.string({ unit: fc.constantFrom("a", "1", ":", "é"), maxLength: 3 });
    const details = fc.tuple(texts, fc.dictionary(texts, texts, { maxKeys: 3 }));
    const canonical = ([description, metadata]: [string, Record<string, string>]) =>
      JSON.stringify([description, Object.entries(metadata).sort()]);
    fc.assert(
      fc.property(details, details, (one, other) => {
        const isSame = canonical(one) === canonical(other);
        expect(hex(digestOfDetails(...one)) === hex(digestOfDetails(...other))).toBe(isSame);
      }),
    );
  });
});
