import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WebhookTokens } from "../../src/bridge/webhook-token.js";
import { derivedKey } from "../../src/core.js";

const KEY = new Uint8Array(32).fill(7);
const ID = "01890a5d-ac96-774b-bcce-b302099a8057";

describe("a webhook token", () => {
  const tokens = new WebhookTokens(KEY);
  const token = tokens.issue(ID);

  it("names the generation it was issued for", () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(tokens.generationOf(tokens.issue(id))).toBe(id);
      }),
    );
  });

  it("is always the same for a generation, so that a repeated CreateGeneration returns the same URL", () => {
    expect(new WebhookTokens(KEY).issue(ID)).toBe(token);
    expect(tokens.issue("01890a5d-ac96-774b-bcce-b302099a8058")).not.toBe(token);
  });

  it("needs no escaping in a URL", () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(tokens.issue(id)).toMatch(/^[A-Za-z0-9_-]+$/);
      }),
    );
  });

  it("of another key is refused", () => {
    const others = new WebhookTokens(new Uint8Array(32).fill(8));
    expect(tokens.generationOf(others.issue(ID))).toBeUndefined();
  });

  it("made for another purpose with the same secret is refused", () => {
    const secret = "one secret for everything";
    const pages = new WebhookTokens(derivedKey(secret, "page-tokens"));
    const webhooks = new WebhookTokens(derivedKey(secret, "webhook-tokens"));
    expect(webhooks.generationOf(pages.issue(ID))).toBeUndefined();
  });

  it("is refused with any one of its bytes changed", () => {
    const bytes = Buffer.from(token, "base64url");
    for (let index = 0; index < bytes.length; index++) {
      const forged = Buffer.from(bytes);
      forged.writeUInt8(forged.readUInt8(index) ^ 1, index);
      expect(tokens.generationOf(forged.toString("base64url"))).toBeUndefined();
    }
  });

  it("is refused for another generation than it was issued for", () => {
    const mac = Buffer.from(token, "base64url").subarray(16);
    const forged = Buffer.concat([Buffer.from(ID.replaceAll("-", ""), "hex").fill(0, 0, 1), mac]);
    expect(tokens.generationOf(forged.toString("base64url"))).toBeUndefined();
  });

  it("is refused however it is truncated or lengthened", () => {
    for (let length = 0; length < token.length; length++) {
      expect(tokens.generationOf(token.slice(0, length))).toBeUndefined();
    }
    for (const more of ["A", "==", "AAAA", token]) expect(tokens.generationOf(token + more)).toBeUndefined();
  });

  it("has one spelling only", () => {
    const bytes = Buffer.from(token, "base64url");
    expect(tokens.generationOf(bytes.toString("hex"))).toBeUndefined();
    expect(tokens.generationOf(` ${token}`)).toBeUndefined();
    expect(tokens.generationOf(`${token}\n`)).toBeUndefined();
    expect(tokens.generationOf(`${token.slice(0, 10)}.${token.slice(10)}`)).toBeUndefined();
  });

  it("can't be guessed: arbitrary text names no generation", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(tokens.generationOf(text)).toBeUndefined();
      }),
    );
  });
});
