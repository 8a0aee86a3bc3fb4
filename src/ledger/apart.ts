/*
 * Batches under way at the same time each lock their accounts until they have been committed. One that needs an account of another's waits for it in the store, with all its commands, also those that
 * need none. So a batch puts off the commands that would make it wait, unless they are most of it (docs/decisions/0038).
 */

/** The accounts that batches under way have locked, or are about to. */
export class Claims {
  /** A few. No set, since that would keep what it has held (docs/decisions/0043). */
  private underWay: readonly Claim[] = [];

  begin(): Claim {
    const claim: Claim = {
      accountIds: NONE,
      isFree: (accountId) => {
        for (const other of this.underWay) if (other !== claim && other.accountIds.has(accountId)) return false;
        return true;
      },
      end: () => {
        this.underWay = this.underWay.filter((other) => other !== claim);
      },
    };
    this.underWay = [...this.underWay, claim];
    return claim;
  }
}

/** Of one batch, from when it knows its accounts until it is committed, or has failed. */
export interface Claim {
  /** Stored ids of its accounts. */
  accountIds: ReadonlySet<string>;
  /** Whether no other batch has claimed an account. */
  isFree(accountId: string): boolean;
  end(): void;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Which commands of a batch are to wait for the next one.
 * @param accountsOfEach stored ids of the accounts that each command may touch
 * @param mayWait whether a command can be put off; one that has been too often can't, so that nobody waits for ever
 */
export function whoWaits(
  accountsOfEach: readonly (readonly string[])[],
  claim: Pick<Claim, "isFree">,
  mayWait: (index: number) => boolean,
): ReadonlySet<number> {
  const waiting = new Set<number>();
  for (const [index, accountIds] of accountsOfEach.entries()) {
    if (accountIds.every(claim.isFree)) continue;
    // It would wait for this one all the same.
    if (!mayWait(index)) return new Set();
    waiting.add(index);
  }
  return 2 * waiting.size <= accountsOfEach.length ? waiting : new Set();
}
