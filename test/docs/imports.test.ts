import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, it } from "vitest";

const SRC = new URL("../../src/", import.meta.url).pathname;

/** What each room may import of ours, besides itself. Everything goes down; nothing imports upward. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  wire: ["domain/utf8"],
  http2: [],
  storage: ["domain"],
  ledger: ["domain", "storage/store", "storage/read-store"],
  audit: ["domain", "storage/store", "storage/audit-store"],
  services: ["domain", "ledger", "audit", "storage/store", "storage/read-store", "storage/audit-store", "gen", "wire"],
  rpc: ["domain", "http2", "services/call", "services/error-details", "storage/store", "gen", "wire"],
  bridge: ["gen", "rpc/http-server"],
  "legacy-http": ["gen", "domain/money", "domain/points"],
  telemetry: [],
};

/** Packages that only some rooms may see. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  knex: ["storage"],
  pg: ["storage"],
  "@grpc/grpc-js": [],
  fastify: ["rpc", "bridge", "legacy-http"],
  "@connectrpc/connect-fastify": ["rpc"],
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
}

const imports = sourceFiles().flatMap(importsOf);

it("the tree is read at all", () => {
  expect(imports.length).toBeGreaterThan(200);
});

it("nothing imports upward", () => {
  const wrong = imports.filter(({ room, target }) => {
    const allowed = ROOMS[room];
    if (!allowed || !target.startsWith("src/")) return false;
    const path = target.slice("src/".length).replace(/\.js$/, "");
    return ![room, ...allowed].some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  });
  expect(wrong).toEqual([]);
});

it("only storage sees a database driver and only rpc, bridge and legacy-http see a transport", () => {
  const rooms = Object.keys(ROOMS);
  const wrong = imports.filter(({ room, target }) => {
    const allowed = PACKAGES[target];
    return allowed !== undefined && rooms.includes(room) && !allowed.includes(room);
  });
  expect(wrong).toEqual([]);
});

it("every room of the tree has its rule", () => {
  const free = ["cli", "demo", "bench", "gen"];
  const rooms = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(rooms.map((room) => room.name).filter((name) => !(name in ROOMS) && !free.includes(name))).toEqual([]);
});

function sourceFiles(): string[] {
  return readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => /\.[jt]s$/.test(file));
}

function importsOf(file: string): Import[] {
  const source = readFileSync(join(SRC, file), "utf8");
  const room = file.includes("/") ? (file.split("/")[0] as string) : "";
  return [...source.matchAll(/(?:from|import) "([^"]+)"/g)].map((match) => {
    const target = match[1] as string;
    return { file, room, target: target.startsWith(".") ? posix.join("src", posix.dirname(file), target) : target };
  });
}
