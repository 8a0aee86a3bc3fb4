import { createHmac, timingSafeEqual } from "node:crypto";

const ID_BYTES = 16;
const MAC_BYTES = 24;

/**
 * The secret part of a webhook URL: the generation's id and an HMAC over it. The provider signs nothing, so whoever was given the URL can complete this generation, and
 * nobody else can.
 */
export class WebhookTokens {
  constructor(private readonly key: Uint8Array) {}

  /** @param generationId a UUID */
  issue(generationId: string): string {
    const id = Buffer.from(generationId.replaceAll("-", ""), "hex");
    return Buffer.concat([id, this.mac(id)]).toString("base64url");
  }

  /** The generation a token was issued for; undefined if it wasn't issued with this key. Compares in constant time. */
  generationOf(token: string): string | undefined {
    const bytes = Buffer.from(token, "base64url");
    if (bytes.length !== ID_BYTES + MAC_BYTES || bytes.toString("base64url") !== token) return undefined;
    const id = bytes.subarray(0, ID_BYTES);
    if (!timingSafeEqual(bytes.subarray(ID_BYTES), this.mac(id))) return undefined;
    const hex = id.toString("hex");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  private mac(id: Uint8Array): Buffer {
    return createHmac("sha256", this.key).update(id).digest().subarray(0, MAC_BYTES);
  }
}

/** Where webhooks come in, before the token. */
export const WEBHOOK_PATH = "/webhooks/comfydeploy";
