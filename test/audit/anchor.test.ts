import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { auditLedger } from "../../src/audit/audit.js";
import { readAnchors } from "../../src/cli/audit/anchor-file.js";
import { runAudit } from "../../src/cli/audit/run-audit.js";
import { LedgerWriter } from "../../src/ledger/writer.js";
import { creditOf, debitOf } from "../support/commands.js";
import { describeStores } from "../support/stores.js";
import { type Forgery, forge } from "./forger.js";
import { writtenHistory } from "./written-history.js";

describeStores("anchors", (makeDatabase) => {
  const written = writtenHistory(makeDatabase);
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tollgate-anchors-"));
    file = join(folder, "heads.jsonl");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const against = () => runAudit(written.store, { againstFile: file });

  async function writeMore(): Promise<void> {
    const writer = new LedgerWriter(written.store);
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 7n }));
    await writer.submit(debitOf({ accountId: "bob", amountUsdMicros: 5n }));
    await writer.submit(creditOf({ accountId: "new", amountUsdMicros: 9n }));
    await writer.close();
  }

  /** Makes alice's debit of 0.60 one of 0.50: the paid part of it, 0.10, never happened. */
  const cheaperDebit: Forgery = (entry) => {
    if (entry.transactionId !== written.history.debit) return entry;
    if (entry.accountId !== "alice") return { ...entry, amountUsdMicros: 500_000n };
    const promotional = entry.grantMovements.filter(([, amount]) => amount === -500_000n);
    return { ...entry, amountUsdMicros: -500_000n, grantMovements: promotional };
  };

  it("are the head of every account's chain, one JSON object a line, by account_id", async () => {
    const { text, isClean } = await runAudit(written.store, { anchorFile: file });
    expect(isClean).toBe(true);
    const accounts = await written.store.listAccounts("", 1_000);
    const lines = (await readFile(file, "utf8")).split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      accounts.map(({ accountId, version, chainHead }) => ({
        ...{ account_id: accountId, version: Number(version), chain_head: Buffer.from(chainHead).toString("hex") },
      })),
    );
    expect(text).toContain(`\nclean\nHeads written to ${file}: ${accounts.length}\n`);
    expect(await readdir(folder)).toEqual(["heads.jsonl"]);
  });

  it("still stand after more was written", async () => {
    await runAudit(written.store, { anchorFile: file });
    const anchored = (await written.store.listAccounts("", 1_000)).length;
    await writeMore();
    expect(await against()).toEqual({
      text: expect.stringContaining(`\nclean\nHeads of ${file} compared: ${anchored}\n`),
      isClean: true,
    });
  });

  it("catch a history that was rewritten with all its hashes, which nothing else can", async () => {
    await runAudit(written.store, { anchorFile: file });
    await writeMore();
    await forge(written.database, written.store, cheaperDebit);
    const [alice] = await written.store.accounts(["alice"]);
    expect(alice?.balanceUsdMicros).toBe(8_940_007n);
    expect((await auditLedger(written.store)).violations).toEqual([]);
    const { text, isClean } = await against();
    expect(isClean).toBe(false);
    // alice's chain and that of the stripe that took the money.
    expect(text).toMatch(/anchor-still-stands: account alice entry 4: it or an entry before it was rewritten.*1 more/);
  });

  it("catch nothing where nothing was changed by the forger", async () => {
    await runAudit(written.store, { anchorFile: file });
    await forge(written.database, written.store, (entry) => entry);
    expect(await against()).toMatchObject({ isClean: true });
  });

  it("say nothing of what was written after them", async () => {
    await writeMore();
    await runAudit(written.store, { anchorFile: file });
    const newer = join(folder, "newer.jsonl");
    const writer = new LedgerWriter(written.store);
    await writer.submit(creditOf({ accountId: "alice", amountUsdMicros: 11n }));
    await writer.close();
    await runAudit(written.store, { anchorFile: newer });
    await forge(written.database, written.store, (entry) => {
      if (entry.amountUsdMicros === -11n) return { ...entry, amountUsdMicros: -13n };
      if (entry.amountUsdMicros !== 11n) return entry;
      return { ...entry, amountUsdMicros: 13n, grantMovements: entry.grantMovements.map(([id]) => [id, 13n] as const) };
    });
    await written.database.tamper("update credit_grants set issued_usd_micros = 13 where issued_usd_micros = 11");
    expect(await against()).toMatchObject({ isClean: true });
    const { text } = await runAudit(written.store, { againstFile: newer });
    expect(text).toContain("anchor-still-stands: account alice entry 6");
  });

  it("miss an account that is gone", async () => {
    await runAudit(written.store, { anchorFile: file });
    await written.database.tamper("delete from accounts where account_id = 'alice'");
    await written.database.tamper("delete from entries where account_id = 'alice'");
    await written.database.tamper("delete from credit_grants where account_id = 'alice'");
    expect((await against()).text).toContain("anchor-still-stands: account alice entry 4: is anchored and gone. ");
  });

  it("miss entries that were taken off the end with all that they left", async () => {
    await writeMore();
    await runAudit(written.store, { anchorFile: file });
    await written.database.tamper("delete from entries where account_id = 'alice' and account_version = 5");
    expect((await against()).text).toContain("anchor-still-stands: account alice entry 5: is anchored and gone. ");
  });

  it("are written only of clean books, and leave an older file as it was", async () => {
    await runAudit(written.store, { anchorFile: file });
    const before = await readFile(file);
    await writeMore();
    await written.database.tamper("update transactions set description = 'gift' where description = 'first deposit'");
    const { text, isClean } = await runAudit(written.store, { anchorFile: file });
    expect(isClean).toBe(false);
    expect(text).toContain(`Nothing written to ${file}`);
    expect(await readFile(file)).toEqual(before);
    expect(await readdir(folder)).toEqual(["heads.jsonl"]);
  });

  it("move on in one run: compared with the file first, then written to it", async () => {
    await runAudit(written.store, { anchorFile: file });
    const before = await readFile(file, "utf8");
    await writeMore();
    expect(await runAudit(written.store, { againstFile: file, anchorFile: file })).toMatchObject({ isClean: true });
    expect(await readFile(file, "utf8")).not.toBe(before);
    await forge(written.database, written.store, cheaperDebit);
    expect((await runAudit(written.store, { againstFile: file, anchorFile: file })).text).toContain("Nothing written");
  });

  it("of more accounts than are looked up at once are all compared", async () => {
    await writeFile(file, `{"account_id":"nobody","version":1,"chain_head":"${"ab".repeat(32)}"}\n`.repeat(1_203));
    const { text } = await against();
    expect(text).toContain("account nobody entry 1: is anchored and gone (and 1202 more)");
    expect(text).toContain("compared: 1203\n");
  });

  it("of an empty store are an empty file, which says how little was compared", async () => {
    const empty = await makeDatabase();
    try {
      const emptyStore = await empty.open();
      await runAudit(emptyStore, { anchorFile: file });
      expect(await readFile(file, "utf8")).toBe("");
      expect((await runAudit(emptyStore, { againstFile: file })).text).toContain("compared: 0\n");
    } finally {
      await empty.destroy();
    }
  });

  it("are refused by the file's name, and not as the store's trouble, if it can't be read or written", async () => {
    await writeFile(file, "{");
    await expect(against()).rejects.toThrow(`${file} line 1: isn't an anchor`);
    await rm(file);
    await expect(against()).rejects.toThrow(`${file}: ENOENT`);
    await expect(runAudit(written.store, { anchorFile: join(folder, "no", "such.jsonl") })).rejects.toThrow(
      "such.jsonl: ENOENT",
    );
    await expect(runAudit(written.store, { anchorFile: folder })).rejects.toMatchObject({ name: "AnchorFileError" });
    await expect(runAudit(written.store, { againstFile: folder })).rejects.toMatchObject({ name: "AnchorFileError" });
  });
});

const good = `{"account_id":"alice","version":1,"chain_head":"${"0a".repeat(32)}"}`;

it.each([
  ["no JSON", "x"],
  ["an empty line", ""],
  ["no object", "null"],
  ["no account", `{"version":1,"chain_head":"${"0a".repeat(32)}"}`],
  ["no hash", `{"account_id":"alice","version":1,"chain_head":"0a"}`],
  ["a version that is none", good.replace(":1,", ":0,")],
  ["a version too large to be exact", good.replace(":1,", ":9007199254740993,")],
  ["a character that no store keeps", good.replace("alice", "\\u0000")],
  ["half a line", good.slice(0, 40)],
  ["no end of line for long", "x".repeat(300_000)],
])("an anchor file with %s is refused with the number of the line", async (_, line) => {
  const folder = await mkdtemp(join(tmpdir(), "tollgate-anchors-"));
  const file = join(folder, "heads.jsonl");
  const read: string[] = [];
  try {
    await writeFile(file, `${good}\n${good}\n${line}\n${good}\n`);
    const reading = (async () => {
      for await (const anchor of readAnchors(file)) read.push(anchor.accountId);
    })();
    await expect(reading).rejects.toMatchObject({
      name: "AnchorFileError",
      message: expect.stringContaining(`${file} line 3: isn't an anchor like {"account_id":`),
    });
    expect(read).toEqual(["alice", "alice"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
