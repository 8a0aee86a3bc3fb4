import { afterAll, beforeAll, expect, it } from "vitest";
import { openStore } from "../../src/storage/open.js";
import type { Store } from "../../src/storage/store.js";
import { toolRow } from "../conformance/rows.js";
import { BreakableLink } from "../support/breakable-link.js";
import { makeDatabase, type TestDatabase } from "../support/stores.js";

/** The store gives up after 12 s. */
const BOUND_MS = 20_000;

let database: TestDatabase;
let link: BreakableLink;
let store: Store;
beforeAll(async () => {
  database = await makeDatabase("postgres");
  await database.open();
  link = await BreakableLink.to(database.url);
  store = openStore(link.url);
});
afterAll(async () => {
  await link?.break();
  await store?.close();
  await database?.destroy();
});

it("nothing waits without a bound for a server that has gone silent", { timeout: BOUND_MS }, async () => {
  const all = (round: string) => [
    store.newestTime(),
    store.storedSecret(),
    store.upsertTool(toolRow("flux", { displayName: round })),
    store.isMigrated(),
    store.transact((transaction) => transaction.loadAccounts(["ann"])),
  ];
  await Promise.all(all("first"));
  link.fallSilent();
  const results = await Promise.allSettled(all("second"));
  const kinds = results.map((result) => (result.status === "rejected" ? result.reason.kind : "answered"));
  expect(kinds).toEqual(results.map(() => "UNAVAILABLE"));
});
