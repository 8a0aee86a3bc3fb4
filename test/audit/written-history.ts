import { afterAll, afterEach, beforeAll } from "vitest";
import type { Store } from "../../src/storage/store.js";
import type { describeStores, TestDatabase } from "../support/stores.js";
import { type History, writeHistory } from "./history.js";

export interface WrittenHistory {
  readonly database: TestDatabase;
  readonly store: Store;
  readonly history: History;
}

type MakeDatabase = Parameters<Parameters<typeof describeStores>[1]>[0];

/** A store with a history in it, the same one before each test: what a test does to it is undone. The fields are there once the tests run. */
export function writtenHistory(makeDatabase: MakeDatabase): WrittenHistory {
  const written = {} as { -readonly [Field in keyof WrittenHistory]: WrittenHistory[Field] };
  let undo: () => Promise<void>;
  beforeAll(async () => {
    written.database = await makeDatabase();
    written.store = await written.database.open();
    written.history = await writeHistory(written.store);
    undo = await written.database.remember();
  });
  afterEach(() => undo());
  afterAll(() => written.database.destroy());
  return written;
}
