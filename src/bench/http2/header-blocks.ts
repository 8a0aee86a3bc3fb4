import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import hpack from "hpack.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";

/** What a peer keeps of headers it has seen before it is told otherwise (RFC 7541). */
const TABLE_BYTES = 4_096;
/** Different answers that are remembered; a service has a handful of them. */
const MOST_REMEMBERED = 1_000;

/** The headers of one kind of call. The first block teaches the peer what all further ones only point at. */
export class RequestHeaders {
  /** Of the connection's first call. */
  readonly first: Buffer;
  /** Of all others. */
  readonly further: Buffer;

  /**
   * @param path "/package.Service/Method"
   * @param deadlineMs undefined: none
   */
  constructor(authority: string, path: string, deadlineMs: number | undefined) {
    const headers = Object.entries({
      ":method": "POST",
      ":scheme": "http",
      ":path": path,
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
      ...(deadlineMs === undefined ? {} : { "grpc-timeout": `${deadlineMs}m` }),
    }).map(([name, value]) => ({ name, value }));
    const compressor = hpack.compressor.create({ table: { maxSize: TABLE_BYTES } });
    const encode = (): Buffer => {
      compressor.write(headers);
      const pieces: Buffer[] = [];
      for (let piece = compressor.read(); piece; piece = compressor.read()) pieces.push(piece);
      return Buffer.concat(pieces);
    };
    this.first = encode();
    this.further = encode();
  }
}

/**
 * Reads how calls ended from their trailers. The peer must have been told to keep no table of headers: then a block always means the same, and one that came before isn't decoded again.
 */
export class Statuses {
  private readonly known = new Map<string, string | undefined>();

  /** "" if the call went well, an ErrorInfo reason or "grpc-status N" if not; undefined if the block has no status, as that of a response's head. */
  errorIn(block: Buffer): string | undefined {
    const key = block.toString("latin1");
    if (this.known.has(key)) return this.known.get(key);
    if (this.known.size >= MOST_REMEMBERED) this.known.clear();
    const error = errorIn(decode(block));
    this.known.set(key, error);
    return error;
  }
}

function decode(block: Buffer): ReadonlyMap<string, string> {
  const decompressor = hpack.decompressor.create({ table: { maxSize: 0 } });
  decompressor.write(block);
  decompressor.execute();
  const headers = new Map<string, string>();
  for (let header = decompressor.read(); header; header = decompressor.read()) headers.set(header.name, header.value);
  return headers;
}

function errorIn(headers: ReadonlyMap<string, string>): string | undefined {
  const status = headers.get("grpc-status");
  if (status === undefined) return undefined;
  if (status === "0") return "";
  const details = headers.get("grpc-status-details-bin");
  if (details !== undefined) {
    for (const detail of fromBinary(StatusSchema, Buffer.from(details, "base64")).details) {
      const info = anyUnpack(detail, ErrorInfoSchema);
      if (info) return info.reason;
    }
  }
  return `grpc-status ${status}`;
}
