import { hash, randomUUID } from "node:crypto";

const REQUEST_ID = /^[\x20-\x7e]{1,128}$/;

/**
 * The request_id of an old call: the header Idempotency-Key, else what its body says it is about, else a new one.
 * @param about parts that together name what happens once; undefined if nothing does
 */
export function requestKey(header: string | string[] | undefined, about: readonly string[] | undefined): string {
  const given = Array.isArray(header) ? header.join(", ") : header;
  if (given) return storable(given);
  return about ? storable(`legacy:${JSON.stringify(about)}`) : randomUUID();
}

/** What no request_id can hold is named by its digest. */
function storable(key: string): string {
  return REQUEST_ID.test(key) ? key : `sha256:${hash("sha256", key, "hex")}`;
}
