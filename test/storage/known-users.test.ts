import { describe, expect, it } from "vitest";
import { KnownUsers } from "../../src/storage/asset-rollup.js";
import { rewardRow } from "../conformance/rows.js";

const rewardBy = (userAccountId: string) => rewardRow("ann", { userAccountId });

describe("users of assets that are known to be stored", () => {
  const commit = (known: KnownUsers, ...users: readonly string[]): void => {
    const transaction = known.inTransaction();
    transaction.unknownIn(users.map(rewardBy));
    transaction.committed();
  };
  const asksAbout = (known: KnownUsers, ...users: readonly string[]) =>
    known
      .inTransaction()
      .unknownIn(users.map(rewardBy))
      .map((user) => user.userAccountId);

  it("are those of committed transactions: who is only being written is asked about by every other transaction", () => {
    const known = new KnownUsers();
    commit(known, "eve");
    known.inTransaction().unknownIn([rewardBy("bob")]);
    expect(asksAbout(known, "eve", "bob", "bob")).toEqual(["bob"]);
  });

  it("are known with an asset: another asset's are others", () => {
    const known = new KnownUsers();
    commit(known, "eve");
    const other = rewardRow("ann", { userAccountId: "eve", assetId: "lora-2" });
    expect(known.inTransaction().unknownIn([other])).toMatchObject([{ assetId: "lora-2", userAccountId: "eve" }]);
  });

  it("never take more room than they may: too many are forgotten and asked about again", () => {
    const known = new KnownUsers(2);
    commit(known, "a", "b", "c");
    expect(asksAbout(known, "a", "b", "c")).toEqual(["a", "b"]);
  });
});
