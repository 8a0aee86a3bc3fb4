import type { Invariant } from "./invariants.js";

/** One row that breaks an invariant. */
export interface Finding {
  readonly invariant: Invariant;
  /** Names the row: "transaction 0190…", "account alice entry 7". */
  readonly row: string;
  /** What is there and what should be, amounts in micro-USD. */
  readonly detail: string;
}

/** The first row found that breaks an invariant, and how many there are. */
export interface Violation extends Finding {
  readonly count: number;
}

/** What a check finds wrong with a row: nothing, as a rule, so nothing is made for a row that is right. */
export type Findings = Iterable<Finding>;

/** What most checks of most rows find: the same each time, so that it costs nothing to make or to add up. */
export const NOTHING: readonly Finding[] = [];

export function finding(invariant: Invariant, row: string, detail: string): Finding {
  return { invariant, row, detail };
}

/** Keeps the first finding of each kind and counts the rest, so that a store where everything is wrong takes no more memory. */
export class ViolationCollector {
  private readonly byInvariant = new Map<Invariant, { readonly first: Finding; count: number }>();

  add(findings: Findings): void {
    if (findings === NOTHING) return;
    for (const found of findings) {
      const known = this.byInvariant.get(found.invariant);
      if (known) known.count++;
      else this.byInvariant.set(found.invariant, { first: found, count: 1 });
    }
  }

  /** What another has kept, as if it had been found here and now. */
  addAll(others: readonly Violation[]): void {
    for (const { count, ...first } of others) {
      const known = this.byInvariant.get(first.invariant);
      if (known) known.count += count;
      else this.byInvariant.set(first.invariant, { first, count });
    }
  }

  /** In the order in which the kinds were first found. */
  list(): Violation[] {
    return [...this.byInvariant.values()].map(({ first, count }) => ({ ...first, count }));
  }
}
