import DataLoader from "dataloader";

/** Calls that share one statement: even with 500 ids each, SQLite's bound on parameters holds. */
const MAX_CALLS_TOGETHER = 64;

/**
 * A read by key whose calls of one turn of the event loop share a statement: a crowd that asks for balances, or for how its generations are, costs a few. Nothing is remembered from one statement to the next.
 * @param read gives a result for each key, in their order; keys may come twice
 */
export function readTogether<Key, Result>(
  read: (keys: readonly Key[]) => Promise<Result[]>,
): (key: Key) => Promise<Result> {
  const loader = new DataLoader<Key, Result>(read, {
    cache: false,
    maxBatchSize: MAX_CALLS_TOGETHER,
    batchScheduleFn: setImmediate,
  });
  return (key) => loader.load(key);
}

/**
 * The same where a key names one row or none.
 * @param read gives the rows that there are of these keys, each of which comes once, in any order
 */
export function readOneTogether<Row>(
  read: (keys: readonly string[]) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
): (key: string) => Promise<Row | undefined> {
  return readTogether(async (keys) => {
    const rows = await read([...new Set(keys)]);
    const found = new Map(rows.map((row) => [keyOf(row), row]));
    return keys.map((key) => found.get(key));
  });
}
