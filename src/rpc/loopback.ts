import { isIP } from "node:net";

/** The host in HOST:PORT, without the brackets of IPv6. */
export function hostOf(listen: string): string {
  return listen.slice(0, listen.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

/** The port in HOST:PORT. */
export function portOf(listen: string): number {
  return Number(listen.slice(listen.lastIndexOf(":") + 1));
}

/** Whether a host name or address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
