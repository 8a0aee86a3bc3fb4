import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HoldState } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { ClockedApp, refusalOf, refusalsOf } from "../support/clocked-app.js";
import { someone } from "../support/ledger.js";

/** Callers' own holds, rules 4.1 and 4.2. Accounts begin with 500 micros. */
describe.each(["sqlite", "postgres"] as const)("a hold on %s", (backend) => {
  let app: ClockedApp;
  beforeAll(async () => {
    app = await ClockedApp.start(backend);
  });
  afterAll(() => app.stop());

  const funded = async (name: string): Promise<string> => {
    const accountId = someone(name);
    await app.credit(accountId, 500n);
    return accountId;
  };
  const stateOf = async (holdId: string) => (await app.economy.getHold({ holdId })).hold;

  it("lowers what is available and not the balance", async () => {
    const alice = await funded("alice");
    const { balance } = await app.economy.placeHold({ requestId: alice, accountId: alice, amountUsdMicros: 200n });
    expect(balance).toMatchObject({ balanceUsdMicros: 500n, heldUsdMicros: 200n, availableUsdMicros: 300n });
    expect(await app.balance(alice)).toEqual([500n, 200n, 300n, 0n]);
  });

  it("is granted 6 times when 20 calls want 75 of 500 at once", async () => {
    const alice = await funded("alice");
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => app.hold(alice, 75n)));
    expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(6);
    expect(await app.balance(alice)).toEqual([500n, 450n, 50n, 0n]);
  });

  it("of all that is available is granted, of a micro more is refused with what is missing", async () => {
    const alice = await funded("alice");
    const { reason, metadata } = await refusalOf(app.hold(alice, 501n));
    expect(reason).toBe("INSUFFICIENT_FUNDS");
    expect(metadata).toMatchObject({ available_usd_micros: "500", shortfall_usd_micros: "1" });
    await app.hold(alice, 500n);
  });

  it("on an account that was never seen is refused with 0 available", async () => {
    const { reason, metadata } = await refusalOf(app.hold(someone("nobody"), 1n));
    expect(reason).toBe("INSUFFICIENT_FUNDS");
    expect(metadata).toMatchObject({ available_usd_micros: "0", required_usd_micros: "1" });
  });

  it("keeps debits and transfers off its money", async () => {
    const alice = await funded("alice");
    await app.hold(alice, 400n);
    expect((await refusalOf(app.debit(alice, 101n))).reason).toBe("INSUFFICIENT_FUNDS");
    const away = { requestId: alice, fromAccountId: alice, toAccountId: someone("bob"), amountUsdMicros: 101n };
    expect((await refusalOf(app.economy.transfer(away))).reason).toBe("INSUFFICIENT_FUNDS");
    await app.debit(alice, 100n);
    expect(await app.balance(alice)).toEqual([400n, 400n, 0n, 0n]);
  });

  describe("that is captured", () => {
    it("in part gives the rest back and is over", async () => {
      const alice = await funded("alice");
      const { holdId } = await app.hold(alice, 200n);
      const { hold, transaction, balance } = await app.capture(holdId, 120n);
      expect(hold).toMatchObject({ state: HoldState.CAPTURED, amountUsdMicros: 200n, capturedUsdMicros: 120n });
      const lines = transaction?.entries.map((entry) => [entry.accountId, entry.amountUsdMicros]);
      expect(lines).toEqual([
        [alice, -120n],
        ["sys:revenue", 120n],
      ]);
      expect(balance).toMatchObject({ balanceUsdMicros: 380n, heldUsdMicros: 0n, availableUsdMicros: 380n });
      expect(await stateOf(holdId)).toMatchObject({ state: HoldState.CAPTURED, capturedUsdMicros: 120n });
    });

    it("gives all of itself, but not a micro more", async () => {
      const alice = await funded("alice");
      const { holdId } = await app.hold(alice, 200n);
      const { reason, metadata } = await refusalOf(app.capture(holdId, 201n));
      expect(reason).toBe("AMOUNT_OUT_OF_RANGE");
      expect(metadata).toEqual({ amount_usd_micros: "201", limit_usd_micros: "200" });
      await app.capture(holdId, 200n);
      expect(await app.balance(alice)).toEqual([300n, 0n, 300n, 0n]);
    });

    it("is captured once out of 20 captures at once", async () => {
      const alice = await funded("alice");
      const { holdId } = await app.hold(alice, 100n);
      const answers = await Promise.allSettled(Array.from({ length: 20 }, () => app.capture(holdId, 10n)));
      expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(1);
      expect(await app.balance(alice)).toEqual([490n, 0n, 490n, 0n]);
    });

    it("answers a repeated capture with the first one's transaction and takes nothing", async () => {
      const alice = await funded("alice");
      const { holdId } = await app.hold(alice, 100n);
      const first = await app.capture(holdId, 60n, `capture-${alice}`);
      const again = await app.capture(holdId, 60n, `capture-${alice}`);
      expect(again.transaction).toEqual(first.transaction);
      expect(again.hold).toEqual(first.hold);
      expect((await refusalOf(app.capture(holdId, 61n, `capture-${alice}`))).reason).toBe("IDEMPOTENCY_KEY_REUSED");
      expect(await app.balance(alice)).toEqual([440n, 0n, 440n, 0n]);
    });
  });

  it.each([
    ["released", HoldState.RELEASED, (holdId: string) => app.release(holdId)],
    ["captured", HoldState.CAPTURED, (holdId: string) => app.capture(holdId, 1n)],
  ] as const)("that was %s can be neither captured nor released again", async (_, state, end) => {
    const alice = await funded("alice");
    const { holdId } = await app.hold(alice, 100n);
    await end(holdId);
    const before = await app.balance(alice);
    for (const { reason, metadata } of await refusalsOf([app.capture(holdId, 1n), app.release(holdId)])) {
      expect(reason).toBe("HOLD_NOT_ACTIVE");
      expect(metadata).toEqual({ hold_id: holdId, state: HoldState[state] });
    }
    expect(await app.balance(alice)).toEqual(before);
  });

  it("that is released returns its money once, however often that is asked", async () => {
    const alice = await funded("alice");
    const { holdId } = await app.hold(alice, 100n);
    const first = await app.release(holdId, `release-${alice}`);
    expect(first.hold?.state).toBe(HoldState.RELEASED);
    expect(await app.release(holdId, `release-${alice}`)).toEqual(first);
    expect(await app.balance(alice)).toEqual([500n, 0n, 500n, 0n]);
  });

  it("that nobody placed is not found", async () => {
    for (const holdId of ["nonsense", "01900000-0000-7000-8000-000000000000"]) {
      const calls = [app.capture(holdId, 1n), app.release(holdId), app.economy.getHold({ holdId })];
      for (const refusal of await refusalsOf(calls)) {
        expect(refusal).toMatchObject({ reason: "HOLD_NOT_FOUND", metadata: { hold_id: holdId } });
      }
    }
  });

  it("is placed once for a repeated request_id, and shown as first placed even after it ended", async () => {
    const alice = await funded("alice");
    const order = { requestId: alice, accountId: alice, amountUsdMicros: 100n };
    const first = await app.economy.placeHold(order);
    await app.capture(first.hold?.holdId ?? "", 30n);
    const again = await app.economy.placeHold(order);
    expect(again.hold).toEqual(first.hold);
    expect(again.balance).toMatchObject({ balanceUsdMicros: 470n, heldUsdMicros: 0n });
  });

  describe("has a life", () => {
    it("of an hour unless told", async () => {
      const alice = await funded("alice");
      const { hold } = await app.economy.placeHold({ requestId: alice, accountId: alice, amountUsdMicros: 1n });
      expect((hold?.expireTime?.seconds ?? 0n) - (hold?.createTime?.seconds ?? 0n)).toBe(3_600n);
    });

    it.each([
      ["a millisecond", { nanos: 1_000_000 }],
      ["a day", { seconds: 86_400n }],
    ])("of %s if told", async (_, ttl) => {
      const alice = await funded("alice");
      await app.economy.placeHold({ requestId: alice, accountId: alice, amountUsdMicros: 1n, ttl });
    });

    it.each([
      ["none", {}],
      ["less than a millisecond", { nanos: 999_999 }],
      ["less than none", { seconds: -1n }],
      ["a nanosecond more than a day", { seconds: 86_400n, nanos: 1 }],
    ])("but not of %s", async (_, ttl) => {
      const alice = await funded("alice");
      const order = { requestId: alice, accountId: alice, amountUsdMicros: 1n, ttl };
      const { reason, fields } = await refusalOf(app.economy.placeHold(order));
      expect(reason).toBe("INVALID_FIELDS");
      expect(fields).toEqual(["ttl"]);
    });
  });

  describe("that expired", () => {
    const expired = async (): Promise<{ alice: string; holdId: string }> => {
      const alice = await funded("alice");
      const { holdId } = await app.hold(alice, 500n, 60);
      app.pass(59.999);
      expect((await refusalOf(app.debit(alice, 1n))).reason).toBe("INSUFFICIENT_FUNDS");
      app.pass(0.001);
      return { alice, holdId };
    };

    it("shows no more in any read, before any sweep", async () => {
      const { alice, holdId } = await expired();
      expect(await app.balance(alice)).toEqual([500n, 0n, 500n, 0n]);
      const { balances } = await app.economy.batchGetBalances({ accountIds: [alice] });
      expect(balances[0]).toMatchObject({ heldUsdMicros: 0n, availableUsdMicros: 500n });
      expect((await stateOf(holdId))?.state).toBe(HoldState.EXPIRED);
      const listed = await app.economy.listHolds({ accountId: alice, states: [HoldState.EXPIRED] });
      expect(listed.holds.map((hold) => hold.holdId)).toEqual([holdId]);
      expect((await app.economy.listHolds({ accountId: alice, states: [HoldState.ACTIVE] })).holds).toEqual([]);
      expect(await app.store.hold(holdId)).toMatchObject({ state: "ACTIVE" });
    });

    it("keeps no debit off its money, before any sweep", async () => {
      const { alice } = await expired();
      await app.debit(alice, 500n);
      expect(await app.balance(alice)).toEqual([0n, 0n, 0n, 0n]);
    });

    it("can be neither captured nor released", async () => {
      const { alice, holdId } = await expired();
      for (const refusal of await refusalsOf([app.capture(holdId, 1n), app.release(holdId)])) {
        expect(refusal).toMatchObject({
          reason: "HOLD_NOT_ACTIVE",
          metadata: { hold_id: holdId, state: "EXPIRED" },
        });
      }
      expect(await app.balance(alice)).toEqual([500n, 0n, 500n, 0n]);
    });

    it("is swept once, by whichever of two instances comes first", async () => {
      const { alice, holdId } = await expired();
      const other = await app.another();
      await Promise.all([app.sweep(), other.sweep()]);
      expect(await app.store.hold(holdId)).toMatchObject({ state: "EXPIRED" });
      const [row] = await app.store.accounts([alice]);
      expect(row).toMatchObject({ balanceUsdMicros: 500n, heldUsdMicros: 0n, version: 1n, nextExpiryTime: null });
      expect(await app.sweep()).toBe(0);
    });

    it("can't be captured by a caller who saw it active", async () => {
      const alice = await funded("alice");
      const { holdId } = await app.hold(alice, 100n, 10);
      let hasPassed = false;
      const other = await app.another({
        ledger: (store) => ({
          pacing: { ...store.pacing, transactionsAtOnce: 1 },
          newestTime: () => store.newestTime(),
          transact: (work) => {
            // The capture is on its way; by the time its batch begins, the hold's time is up.
            if (!hasPassed) app.pass(10);
            hasPassed = true;
            return store.transact(work);
          },
        }),
      });
      expect((await stateOf(holdId))?.state).toBe(HoldState.ACTIVE);
      expect((await refusalOf(other.capture(holdId, 100n))).metadata).toMatchObject({ state: "EXPIRED" });
      expect(await app.balance(alice)).toEqual([500n, 0n, 500n, 0n]);
    });
  });

  it("that is active does not end by a sweep", async () => {
    const alice = await funded("alice");
    const { holdId } = await app.hold(alice, 100n, 60);
    app.pass(30);
    await app.sweep();
    expect((await stateOf(holdId))?.state).toBe(HoldState.ACTIVE);
    expect(await app.balance(alice)).toEqual([500n, 100n, 400n, 0n]);
  });

  it("is listed by its account, newest first, in pages", async () => {
    const alice = await funded("alice");
    const holdIds: string[] = [];
    for (let amount = 1n; amount <= 5n; amount++) holdIds.unshift((await app.hold(alice, amount)).holdId);
    await app.release(holdIds[2] as string);
    const seen: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await app.economy.listHolds({ accountId: alice, pageSize: 2, pageToken });
      seen.push(...page.holds.map((hold) => hold.holdId));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    expect(seen).toEqual(holdIds);
    const active = await app.economy.listHolds({ accountId: alice, states: [HoldState.ACTIVE] });
    expect(active.holds.map((hold) => hold.holdId)).toEqual(holdIds.filter((_, index) => index !== 2));
    expect((await app.economy.listHolds({ accountId: someone("nobody") })).holds).toEqual([]);
  });
});
