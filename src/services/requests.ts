import { hash } from "node:crypto";
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { IdempotentRequest } from "../ledger/command.js";

/**
 * A request with its idempotency key. The fingerprint covers every field, labels in a fixed order because some clients shuffle maps; fields that this build doesn't
 * know are left out.
 */
export function idempotentRequest<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc> & { readonly requestId: string },
  caller: string,
): IdempotentRequest {
  const bytes = toBinary(desc, withSortedLabels(message), { writeUnknownFields: false });
  const named = Buffer.concat([Buffer.from(`${desc.typeName}\n`), bytes]);
  return { caller, requestId: message.requestId, fingerprint: hash("sha256", named, "buffer") };
}

/** What a page token is good for: the caller, the method and every field but the page's own. */
export function pageBinding<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc> & { readonly pageSize: number; readonly pageToken: string },
  caller: string,
): string {
  const filters = toBinary(desc, { ...message, pageSize: 0, pageToken: "" }, { writeUnknownFields: false });
  return `${caller}\n${desc.typeName}\n${Buffer.from(filters).toString("base64")}`;
}

function withSortedLabels<Message>(message: Message): Message {
  const labels = (message as { metadata?: Record<string, string> }).metadata;
  if (!labels) return message;
  const keys = Object.keys(labels);
  if (keys.length < 2) return message;
  const sorted = Object.fromEntries(keys.sort().map((key) => [key, labels[key] as string]));
  return { ...message, metadata: sorted };
}
