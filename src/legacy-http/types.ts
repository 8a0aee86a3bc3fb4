import { CreditSource } from "../gen/stationthis/economy/v1/economy_pb.js";

/** What the old names of money that comes in mean, in `transactionType` of a credit and in `rewardType`. docs/legacy-http.md shows this table, and a test compares the two. */
export const SOURCES_BY_OLD_TYPE: Readonly<Record<string, CreditSource>> = {
  DEPOSIT: CreditSource.DEPOSIT,
  ONCHAIN_DEPOSIT: CreditSource.DEPOSIT,
  TOKEN_DEPOSIT: CreditSource.DEPOSIT,
  NFT_DEPOSIT: CreditSource.DEPOSIT,
  PURCHASE: CreditSource.PURCHASE,
  CREDIT_PURCHASE: CreditSource.PURCHASE,
  TOP_UP: CreditSource.PURCHASE,
  PROMOTION: CreditSource.PROMOTION,
  BONUS: CreditSource.PROMOTION,
  WELCOME_BONUS: CreditSource.PROMOTION,
  REFERRAL_REWARD: CreditSource.PROMOTION,
  ADMIN_GIFT: CreditSource.ADMIN_GIFT,
  ADMIN_CREDIT: CreditSource.ADMIN_GIFT,
  COMPENSATION: CreditSource.COMPENSATION,
  REFUND: CreditSource.COMPENSATION,
  GENERATION_REFUND: CreditSource.COMPENSATION,
  TRAINING_REFUND: CreditSource.COMPENSATION,
  ADJUSTMENT: CreditSource.ADJUSTMENT,
};

const SOURCES = new Map(Object.entries(SOURCES_BY_OLD_TYPE));

/** The source of a credit by its old type, in either case, with - or _ or spaces; ADJUSTMENT if the table doesn't have it. */
export function sourceOf(oldType: string): CreditSource {
  return SOURCES.get(oldType.toUpperCase().replaceAll(/[ -]/g, "_")) ?? CreditSource.ADJUSTMENT;
}
