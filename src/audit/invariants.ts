/** Every invariant that the audit checks, by its kind, in the order of the rules (section 8). */
export const INVARIANTS = {
  "entries-sum-to-zero": "The entries of every transaction sum to zero.",
  "two-entries-at-least": "Every transaction has at least two entries.",
  "all-accounts-sum-to-zero": "All accounts together sum to zero.",

  "balance-is-sum-of-entries": "An account's balance is the sum of its entries.",
  "balance-after-chains": "An entry's balance is the one before it plus its amount.",
  "versions-without-gap": "The versions of an account's entries run 1, 2, 3… without a gap.",
  "version-is-of-last-entry": "An account's version is that of its last entry.",
  "account-has-entries": "An account exists from its first entry on.",

  "only-platform-below-zero": "Only the platform's own accounts go below zero.",
  "held-within-balance":
    "What is held is at least 0 and at most the balance; of the platform's accounts nothing is held.",
  "known-platform-account": "Only stripes of the known platform accounts begin with sys:.",

  "completed-is-settled": "A completed generation that isn't free has exactly one settlement and names it.",
  "only-completed-is-settled": "A generation that isn't completed has no settlement, and neither has a free one.",
  "unsettled-charges-nothing": "A generation without a settlement has no fee and charges nobody; a free one costs 0.",
  "settlement-has-generation": "A settlement's generation exists, is completed and names the settlement.",
  "settlement-charges-named-account": "A settlement takes money from one account, the one that its generation names.",
  "settlement-takes-base-and-fee": "A settlement takes the base cost and the fee of its generation.",
  "settlement-pays-base": "A settlement gives the base cost to the platform's revenue.",

  "fee-is-sum-of-rewards": "A generation's fee is the sum of its rewards.",
  "rewards-are-creator-entries": "What creators get in a settlement's entries is what its rewards say, by creator.",
  "reward-has-settlement": "A reward belongs to a settlement and names its generation.",
  "movements-sum-to-amount": "What an entry moves in grants sums to its amount; platform accounts have no grants.",
  "movement-has-grant": "Entries move only grants of their own account.",
  "grant-remaining-is-moved": "What is left of a grant is the sum of what entries moved in it.",
  "grant-issued-is-received": "What a grant issued is the sum of what entries brought into it.",
  "grant-not-below-zero": "What is left of a grant is at least 0.",
  "grant-open-while-it-lasts": "A grant is open for debits as long as anything is left of it.",
  "grant-has-opening-transaction": "A grant was opened by the transaction that it names, in an entry of its account.",
  "grant-has-account": "Every grant belongs to an account that exists.",
  "grants-sum-to-balance": "What is left of an account's grants sums to its balance.",
  "promotional-is-sum-of-grants": "An account's promotional credit is what is left of its promotional grants.",

  "request-is-recorded": "A transaction made under a request key is the one that the key's record names.",
  "request-has-effect": "What a request's record names exists and was made under its key.",

  "entry-hash": "An entry's hash is that of the entry before it and everything of this one that lasts.",
  "chain-head": "An account's chain head is the hash of its last entry.",
  "details-digest": "A transaction's digest is that of its description and metadata.",
  "entry-has-transaction": "Every entry belongs to a transaction that exists.",
  "entry-has-account": "Every entry belongs to an account that exists.",
} as const satisfies Record<string, string>;

/** Kind of an invariant: stable, for people and for scripts. */
export type Invariant = keyof typeof INVARIANTS;
