import { describe, expect, it } from "vitest";
import type { HeaderField } from "../../src/http2/hpack/header-decoder.js";
import { requestHeadersOf } from "../../src/http2/request-headers.js";

const PSEUDO: HeaderField[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/a"],
  [":authority", "b"],
];
const without = (name: string): HeaderField[] => PSEUDO.filter(([each]) => each !== name);
const withMore = (...more: HeaderField[]): HeaderField[] => [...PSEUDO, ...more];

describe("a request's headers", () => {
  it("are told apart from what it is for", () => {
    expect(requestHeadersOf(withMore(["te", "trailers"], ["x-a", "1"]))).toEqual({
      method: "POST",
      path: "/a",
      authority: "b",
      fields: new Map([
        ["te", "trailers"],
        ["x-a", "1"],
      ]),
    });
  });

  it("of one name are joined, in their order", () => {
    const fields = withMore(["x-a", "1"], ["x-b", "2"], ["x-a", "3"], ["cookie", "c=1"], ["cookie", "d=2"]);
    expect(requestHeadersOf(fields)).toMatchObject({
      fields: new Map([
        ["x-a", "1, 3"],
        ["x-b", "2"],
        ["cookie", "c=1; d=2"],
      ]),
    });
  });

  it("may name the host as HTTP/1.1 does, or not at all", () => {
    expect(requestHeadersOf([...without(":authority"), ["host", "c"]])).toMatchObject({ authority: "c" });
    expect(requestHeadersOf(without(":authority"))).toMatchObject({ authority: "" });
  });

  it("may be called as what every object has", () => {
    const fields = withMore(["__proto__", "1"], ["constructor", "2"]);
    expect(requestHeadersOf(fields)).toMatchObject({ fields: new Map([...fields.slice(4)]) });
  });

  it("may be empty, and have any octet that isn't the end of a line", () => {
    expect(requestHeadersOf(withMore(["x-a", ""], ["x-b", "\x01\xff a\tb"]))).not.toBe("malformed");
  });

  it.each<[string, HeaderField[]]>([
    ["no method", without(":method")],
    ["no scheme", without(":scheme")],
    ["no path", without(":path")],
    ["an empty path", [...without(":path"), [":path", ""]]],
    ["an empty method", [...without(":method"), [":method", ""]]],
    ["two methods", withMore([":method", "GET"])],
    ["two paths, although they are the same", withMore([":path", "/a"])],
    ["two authorities", withMore([":authority", "b"])],
    ["a status", withMore([":status", "200"])],
    ["a pseudo-header that there is not", withMore([":protocol", "websocket"])],
    ["a pseudo-header without a name", withMore([":", "a"])],
    ["a pseudo-header after others", [...without(":path"), ["x-a", "1"], [":path", "/a"]]],
    ["a capital in a name", withMore(["X-a", "1"])],
    ["a capital in a pseudo-header", [...without(":path"), [":Path", "/a"]]],
    ["no name", withMore(["", "1"])],
    ["a space in a name", withMore(["x a", "1"])],
    ["a colon in a name", withMore(["x:a", "1"])],
    ["an octet in a name that isn't ASCII", withMore(["x\xe9", "1"])],
    ["the end of a line in a name", withMore(["x-a\n", "1"])],
    ["connection", withMore(["connection", "close"])],
    ["keep-alive", withMore(["keep-alive", "1"])],
    ["proxy-connection", withMore(["proxy-connection", "close"])],
    ["transfer-encoding", withMore(["transfer-encoding", "chunked"])],
    ["upgrade", withMore(["upgrade", "h2c"])],
    ["te other than trailers", withMore(["te", "gzip"])],
    ["te of more than trailers", withMore(["te", "trailers, gzip"])],
    ["CR in a value", withMore(["x-a", "1\r2"])],
    ["LF in a value", withMore(["x-a", "1\n2"])],
    ["LF at the end of a value", withMore(["x-a", "1\n"])],
    ["NUL in a value", withMore(["x-a", "1\0"])],
    ["LF in a path", [...without(":path"), [":path", "/a\nb"]]],
    ["a space before a value", withMore(["x-a", " 1"])],
    ["a tab after a value", withMore(["x-a", "1\t"])],
  ])("with %s are malformed", (_, fields) => {
    expect(requestHeadersOf(fields)).toBe("malformed");
  });

  it("that are more than is taken are told to be", () => {
    expect(requestHeadersOf(undefined)).toBe("too large");
  });
});
