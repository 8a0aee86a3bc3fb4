/** Every invariant that the audit checks, by its kind, in the order of the rules (section 8). */
export const INVARIANTS = {
  "entries-sum-to-zero": "The entries of every transaction sum to zero.",
  "two-entries-at-least": "Every transaction has at least two entries.",
  "all-accounts-sum-to-zero": "All accounts together sum to zero.",

  "platform-side-of-type":
    "A transaction moves money of the platform accounts of its type only: an expiry gives to sys:breakage, an import takes from sys:legacy.",

  "balance-is-sum-of-entries": "An account's balance is the sum of its entries.",
  "balance-after-chains": "An entry's balance is the one before it plus its amount.",
  "versions-without-gap": "The versions of an account's entries run 1, 2, 3… without a gap.",
  "version-is-of-last-entry": "An account's version is that of its last entry.",
  "account-has-entries": "An account exists from its first entry on.",

  "only-platform-below-zero": "Only the platform's own accounts go below zero.",
  "held-within-balance":
    "What is held is at least 0 and at most the balance; of the platform's accounts nothing is held.",
  "held-is-sum-of-active-holds": "What is held in an account is the sum of its active holds.",
  "captured-within-hold": "A captured hold gave at least 1 and at most its amount, any other nothing.",
  "active-hold-has-generation": "The generation of an active hold exists, isn't final and names the hold.",
  "hold-has-account": "Every hold belongs to an account that exists.",
  "next-expiry-in-time":
    "No active hold and no open grant of an account ends before the time at which the account is looked at.",
  "known-platform-account": "Only stripes of the known platform accounts begin with sys:.",

  "completed-is-settled": "A completed generation that isn't free has exactly one settlement and names it.",
  "only-completed-is-settled": "A generation that isn't completed has no settlement, and neither has a free one.",
  "unsettled-charges-nothing": "A generation without a settlement has no fee and charges nobody; a free one costs 0.",
  "settlement-has-generation": "A settlement's generation exists, is completed and names the settlement.",
  "settlement-charges-named-account": "A settlement takes money from one account, the one that its generation names.",
  "settlement-takes-base-and-fee": "A settlement takes the base cost and the fee of its generation.",
  "settlement-names-policy": "A settlement names the reward policy that its generation was created under.",
  "settlement-pays-base": "A settlement gives the base cost to the platform's revenue.",

  "fee-is-sum-of-rewards": "A generation's fee is the sum of its rewards.",
  "rewards-are-creator-entries": "What creators get in a settlement's entries is what its rewards say, by creator.",
  "reward-has-settlement": "A reward belongs to a settlement and names its generation.",
  "movements-sum-to-amount": "What an entry moves in grants sums to its amount; platform accounts have no grants.",
  "movement-has-grant": "Entries move only grants of their own account.",
  "grant-remaining-is-moved": "What is left of a grant is the sum of what entries moved in it.",
  "grant-issued-is-received":
    "What a grant issued is the sum of what entries brought into it, money put back by refunds not counted.",
  "grant-not-below-zero": "What is left of a grant is at least 0.",
  "grant-within-issued": "What is left of a grant is at most what it issued.",
  "expiry-takes-ended-grants": "An expiry takes only from grants whose time is up.",
  "grant-open-while-it-lasts": "A grant is open for debits as long as anything is left of it.",
  "grant-has-opening-transaction": "A grant was opened by the transaction that it names, in an entry of its account.",
  "grant-has-account": "Every grant belongs to an account that exists.",
  "grants-sum-to-balance": "What is left of an account's grants sums to its balance.",
  "promotional-is-sum-of-grants": "An account's promotional credit is what is left of its promotional grants.",

  "refund-names-refundable":
    "A refund, and nothing else, names the debit, hold capture or settlement that it gives money back of.",
  "refund-pays-payer-back": "A refund gives money back to the account that it was taken from.",
  "refunded-is-sum-of-refunds": "What is refunded of a transaction is the sum of what its refunds paid back.",
  "refunded-within-taken": "What is refunded of a transaction is at least 0 and at most what was taken.",
  "refunded-is-sum-of-parts":
    "What is refunded of a transaction is the sum of the parts of its base and of each reward.",
  "reward-refunded-within-amount":
    "Of a reward at most the amount is refunded, and at most that much is taken back from the creator.",
  "clawed-back-is-sum-of-clawbacks": "What is taken back of a reward is the sum of its clawbacks.",
  "clawbacks-are-creator-entries": "What creators give in a refund's entries is what its clawbacks say, by creator.",
  "clawback-has-reward": "A clawback belongs to a refund and names a reward of the transaction given back.",

  "asset-day-is-sum":
    "What an asset earned on a day, what was taken back of it and how often it was used is what its rewards and clawbacks of that day sum to.",
  "reward-is-in-asset-day": "Every reward and every clawback is in the sum of its asset's day.",
  "asset-users-are-counted":
    "An asset's users are those of its rewards, each counted once, on the day of the first use.",

  "request-is-recorded": "A transaction made under a request key is the one that the key's record names.",
  "request-has-effect": "What a request's record names exists and was made under its key.",

  "entry-hash": "An entry's hash is that of the entry before it and everything of this one that lasts.",
  "chain-head": "An account's chain head is the hash of its last entry.",
  "anchor-still-stands": "What an anchor recorded as the hash of an account's entry is its hash still.",
  "details-digest": "A transaction's digest is that of its description and metadata.",
  "entry-has-transaction": "Every entry belongs to a transaction that exists.",
  "entry-has-account": "Every entry belongs to an account that exists.",
} as const satisfies Record<string, string>;

/** Kind of an invariant: stable, for people and for scripts. */
export type Invariant = keyof typeof INVARIANTS;
