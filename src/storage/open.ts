import { openPostgresStore } from "./postgres/postgres-store.js";
import { openSqliteStore } from "./sqlite/sqlite-store.js";
import type { Store } from "./store.js";

/** @param url sqlite:PATH, sqlite::memory:, postgres://… or postgresql://…; the settings have checked it */
export function openStore(url: string): Store {
  return url.startsWith("sqlite:") ? openSqliteStore(url.slice("sqlite:".length)) : openPostgresStore(url);
}
