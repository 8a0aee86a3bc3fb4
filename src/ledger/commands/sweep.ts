import type { Command } from "../command.js";

/** Writes what is due in an account: loading it does that, so there is nothing left to apply. */
export function sweep(accountId: string): Command<void> {
  return { name: "Sweep", accounts: () => [accountId], apply: () => {} };
}
