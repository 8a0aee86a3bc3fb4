import type { HeaderField } from "./hpack/header-decoder.js";

/** The headers of a request, in lower case; several of one name are joined by commas. */
export interface RequestHeaders {
  readonly method: string;
  readonly path: string;
  /** "" if the client gives none. */
  readonly authority: string;
  /** All but the pseudo-headers. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Why headers are no request's: something is wrong with them, or they are more than the service takes. */
export type Unusable = "malformed" | "too large";

const PSEUDO_HEADERS = [":method", ":scheme", ":path", ":authority"];
/** They are about one connection of HTTP/1.1 (RFC 9113, 8.2.2). */
const OF_CONNECTIONS = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
/** A name in lower case (RFC 9110, 5.6.2). */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const BAD_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;

/** Reads a request's headers as RFC 9113, 8.2 and 8.3, wants them. @param fields undefined: they are too large */
export function requestHeadersOf(fields: readonly HeaderField[] | undefined): RequestHeaders | Unusable {
  if (!fields) return "too large";
  const pseudo = new Map<string, string>();
  const regular = new Map<string, string>();
  for (const [name, value] of fields) {
    if (BAD_VALUE.test(value)) return "malformed";
    if (name.startsWith(":")) {
      if (!PSEUDO_HEADERS.includes(name) || pseudo.has(name) || regular.size > 0) return "malformed";
      pseudo.set(name, value);
      continue;
    }
    if (!NAME.test(name) || OF_CONNECTIONS.includes(name) || (name === "te" && value !== "trailers")) {
      return "malformed";
    }
    const before = regular.get(name);
    regular.set(name, before === undefined ? value : before + (name === "cookie" ? "; " : ", ") + value);
  }
  const [method, path] = [pseudo.get(":method"), pseudo.get(":path")];
  if (!method || !path || !pseudo.has(":scheme")) return "malformed";
  return { method, path, authority: pseudo.get(":authority") ?? regular.get("host") ?? "", fields: regular };
}
