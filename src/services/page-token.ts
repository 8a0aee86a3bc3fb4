import { createHmac, timingSafeEqual } from "node:crypto";
import { TollgateError } from "../domain/errors.js";

/** Rows in a page that asks for none. */
const DEFAULT_PAGE_SIZE = 50;
const LARGEST_PAGE_SIZE = 500;
const MAC_BYTES = 16;

/** Rows to return: 0 means 50, more than 500 means 500. */
export function pageSizeOf(requested: number): number {
  return requested === 0 ? DEFAULT_PAGE_SIZE : Math.min(requested, LARGEST_PAGE_SIZE);
}

/** Signs page tokens. A token holds a position and works only for the caller and the filters it was made for, so that none can be forged or carried over. */
export class PageTokens {
  constructor(private readonly key: Uint8Array) {}

  /**
   * @param position strings that name where the next page starts
   * @param binding what the token is good for: caller, method and filters
   */
  issue(position: readonly string[], binding: string): string {
    const payload = Buffer.from(JSON.stringify(position));
    return Buffer.concat([this.mac(payload, binding), payload]).toString("base64url");
  }

  /**
   * The position in a token; undefined for "", the first page.
   * @throws TollgateError INVALID_FIELDS if it isn't one that was issued for this caller and these filters
   */
  read(token: string, binding: string): readonly string[] | undefined {
    if (token === "") return undefined;
    const bytes = Buffer.from(token, "base64url");
    const payload = bytes.subarray(MAC_BYTES);
    const mac = bytes.subarray(0, MAC_BYTES);
    // Decoding overlooks characters that don't belong there.
    const isAsIssued = bytes.toString("base64url") === token;
    if (!isAsIssued || mac.length !== MAC_BYTES || !timingSafeEqual(mac, this.mac(payload, binding))) {
      throw TollgateError.invalid([
        { field: "page_token", description: "takes the next_page_token of a call with the same other fields" },
      ]);
    }
    return JSON.parse(payload.toString()) as string[];
  }

  private mac(payload: Uint8Array, binding: string): Buffer {
    return createHmac("sha256", this.key).update(binding).update("\0").update(payload).digest().subarray(0, MAC_BYTES);
  }
}
