import type { MessageInitShape } from "@bufbuild/protobuf";
import { type OutputSchema, OutputType } from "../gen/stationthis/generation/v1/generation_pb.js";

type Output = MessageInitShape<typeof OutputSchema>;

/** Outputs taken from one webhook, at most; the API takes no more. */
const MOST_OUTPUTS = 1_000;
/** How deep node ids may nest around the lists of files. */
const DEEPEST = 3;

const IMAGE = /\.(png|jpe?g|webp|avif|bmp|tiff?|heic)$/i;
const VIDEO = /\.(mp4|webm|mov|mkv|avi|m4v|gif)$/i;
const AUDIO = /\.(mp3|wav|flac|ogg|m4a|aac|opus)$/i;
const MODEL = /\.(safetensors|ckpt|pt|pth|bin|glb|gltf|obj|fbx|stl|ply|usdz)$/i;

/**
 * The files and texts in a webhook's outputs. `data` holds lists under images, files, gifs or mesh, sometimes one level down by node id, and sometimes plain strings or
 * booleans. Whatever has a URL is kept, as a FILE if nothing says better; the rest is left out.
 */
export function readOutputs(outputs: readonly unknown[]): Output[] {
  const found: Output[] = [];
  for (const output of outputs) {
    if (!isRecord(output)) continue;
    const nodeId = typeof output.node_id === "string" ? output.node_id.slice(0, 128) : "";
    collect(output.data, "", nodeId, 0, found);
  }
  return found.slice(0, MOST_OUTPUTS);
}

function collect(value: unknown, kind: string, nodeId: string, depth: number, found: Output[]): void {
  if (found.length >= MOST_OUTPUTS || depth > DEEPEST) return;
  if (typeof value === "string") {
    if (value !== "") found.push(fromText(value, kind, nodeId));
  } else if (Array.isArray(value)) {
    for (const item of value.slice(0, MOST_OUTPUTS)) collect(item, kind, nodeId, depth + 1, found);
  } else if (isRecord(value)) {
    if ("url" in value || "filename" in value) {
      // A file without a URL is nothing to release, and its filename is no text of the run's.
      const file = fromFile(value, kind, nodeId);
      if (file.url !== "") found.push(file);
    } else {
      for (const [key, inner] of Object.entries(value)) {
        const isNode = /^\d+$/.test(key);
        collect(inner, isNode ? kind : key, isNode ? key : nodeId, depth + 1, found);
      }
    }
  }
}

function fromFile(file: Record<string, unknown>, kind: string, nodeId: string): Output {
  const url = typeof file.url === "string" ? clean(file.url, 2_048) : "";
  const filename = typeof file.filename === "string" ? clean(file.filename, 500) : "";
  const mime = typeof file.type === "string" ? file.type : "";
  return { url, filename, nodeId: clean(nodeId, 128), type: typeOf(kind, mime, filename || pathOf(url)) };
}

function fromText(value: string, kind: string, nodeId: string): Output {
  if (/^https?:\/\//i.test(value)) return fromFile({ url: value }, kind, nodeId);
  return { type: OutputType.TEXT, text: clean(value, 65_536), nodeId: clean(nodeId, 128) };
}

/** By media type, then by name, then by the list it was in. */
function typeOf(kind: string, mime: string, name: string): OutputType {
  if (mime.startsWith("video/") || mime === "image/gif" || VIDEO.test(name)) return OutputType.VIDEO;
  if (mime.startsWith("image/") || IMAGE.test(name)) return OutputType.IMAGE;
  if (mime.startsWith("audio/") || AUDIO.test(name)) return OutputType.AUDIO;
  if (mime.startsWith("model/") || MODEL.test(name) || kind === "mesh") return OutputType.MODEL;
  if (kind === "images") return OutputType.IMAGE;
  if (kind === "gifs") return OutputType.VIDEO;
  return OutputType.FILE;
}

function pathOf(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? "";
}

/** Text from outside, made storable: no NUL, no lone surrogate, no longer than the API takes. */
export function clean(text: string, max: number): string {
  return text.replaceAll("\0", "").toWellFormed().slice(0, max).toWellFormed();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
