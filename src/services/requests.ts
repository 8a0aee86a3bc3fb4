import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { sha256 } from "../domain/sha256.js";
import type { IdempotentRequest } from "../ledger/command.js";
import { encode } from "../wire/encode.js";

/**
 * A request with its idempotency key. The fingerprint covers every field, labels in a fixed order because some clients shuffle maps; fields that this build doesn't
 * know are left out.
 */
export function idempotentRequest<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc> & { readonly requestId: string },
  caller: string,
): IdempotentRequest {
  const bytes = encode(desc, withSortedLabels(message) as MessageInitShape<Desc>, `${desc.typeName}\n`);
  return { caller, requestId: message.requestId, fingerprint: sha256(bytes) };
}

/** What a page token is good for: the caller, the method and every field but the page's own. */
export function pageBinding<Desc extends DescMessage>(
  desc: Desc,
  message: MessageShape<Desc> & { readonly pageSize: number; readonly pageToken: string },
  caller: string,
): string {
  const filters = encode(desc, { ...message, pageSize: 0, pageToken: "" } as MessageInitShape<Desc>);
  return `${caller}\n${desc.typeName}\n${filters.toString("base64")}`;
}

function withSortedLabels<Message>(message: Message): Message {
  const labels = (message as { metadata?: Record<string, string> }).metadata;
  if (!labels) return message;
  const keys = Object.keys(labels);
  if (keys.length < 2) return message;
  const sorted = Object.fromEntries(keys.sort().map((key) => [key, labels[key] as string]));
  return { ...message, metadata: sorted };
}
