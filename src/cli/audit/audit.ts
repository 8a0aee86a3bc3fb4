import { SingleBar } from "cli-progress";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ACCOUNT_ID_PATTERN } from "../../domain/accounts.js";
import { openStore } from "../../storage/open.js";
import { commandWithSettings, configFrom } from "../settings.js";
import { accountsInThread } from "./accounts-thread.js";
import { runAudit } from "./run-audit.js";

export function auditCommand(): Command {
  return commandWithSettings(
    "audit",
    "Checks every invariant of the books on a live store, from one unchanging view of it. Exits 1 and names the first row of each kind of violation.",
    ["databaseUrl"],
  )
    .option("--account <id>", "check only this account; of a platform account all stripes", accountIn)
    .addOption(
      new Option(
        "--anchor <file>",
        "if the books are clean, write the head of every account's hash chain to this file, a JSON object a line",
      ).conflicts("account"),
    )
    .option("--against <file>", "check too that nothing before the heads in this file was rewritten since")
    .action(audit);
}

interface Flags {
  readonly databaseUrl?: string;
  readonly account?: string;
  readonly anchor?: string;
  readonly against?: string;
}

async function audit({ databaseUrl, account, anchor, against }: Flags): Promise<void> {
  const url = configFrom(databaseUrl === undefined ? {} : { databaseUrl }).databaseUrl;
  const store = openStore(url);
  const bar = new SingleBar({ format: "auditing {bar} {percentage}% {value}/{total} rows", stream: process.stderr });
  // How many rows one account has isn't known before they are read.
  const isWatched = process.stderr.isTTY && account === undefined;
  if (isWatched) bar.start(0, 0);
  try {
    const { text, isClean } = await runAudit(store, {
      accountId: account,
      anchorFile: anchor,
      againstFile: against,
      accountsOf: (moment) => accountsInThread(url, moment),
      onProgress: isWatched
        ? (done, total) => {
            bar.setTotal(total);
            bar.update(done);
          }
        : undefined,
    });
    bar.stop();
    process.stdout.write(text);
    if (!isClean) process.exitCode = 1;
  } finally {
    bar.stop();
    await store.close();
  }
}

function accountIn(value: string): string {
  if (!ACCOUNT_ID_PATTERN.test(value)) throw new InvalidArgumentError("It takes 1-128 of A-Z a-z 0-9 _ . : -");
  return value;
}
