import { toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreditSource, TransactionSchema } from "../../src/gen/stationthis/economy/v1/economy_pb.js";
import { GenerationSchema, GenerationState, Outcome } from "../../src/gen/stationthis/generation/v1/generation_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { fund, openGeneration, post, refusalOf, registerTool } from "./support.js";

describe.each(["sqlite", "postgres"] as const)("a request_id on %s", (backend) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startTestApp(backend);
    await registerTool(test);
  });
  afterAll(() => test.stop());

  /** Calls and says, besides the answer, whether it was marked as a repetition. */
  async function marked<Request, Response>(
    method: (request: Request, options: { onHeader: (header: Headers) => void }) => Promise<Response>,
    request: Request,
  ): Promise<{ answer: Response; replayed: string | null }> {
    let replayed: string | null = null;
    const onHeader = (header: Headers): void => {
      replayed = header.get("idempotent-replayed");
    };
    const answer = await method(request, { onHeader });
    return { answer, replayed };
  }

  const balanceOf = async (accountId: string) =>
    (await test.economy.getBalance({ accountId })).balance?.balanceUsdMicros;
  const debit = (requestId: string, accountId: string, amountUsdMicros = 10n) => ({
    requestId,
    accountId,
    amountUsdMicros,
  });
  const credit = (requestId: string, accountId: string, amountUsdMicros = 10n) => ({
    ...debit(requestId, accountId, amountUsdMicros),
    source: CreditSource.DEPOSIT,
  });

  it("repeated with Debit returns the first transaction and the balance as it is now", async () => {
    await fund(test, "ann", 100n);
    const first = await marked(test.economy.debit, debit("d-1", "ann"));
    await test.economy.debit(debit("d-2", "ann", 20n));
    const again = await marked(test.economy.debit, debit("d-1", "ann"));
    expect(first.replayed).toBeNull();
    expect(first.answer.balance?.balanceUsdMicros).toBe(90n);
    expect(again.replayed).toBe("true");
    expect(again.answer.transaction).toEqual(first.answer.transaction);
    expect(again.answer.balance).toMatchObject({ balanceUsdMicros: 70n, version: 3n });
    expect(await balanceOf("ann")).toBe(70n);
  });

  it("repeated with Credit returns the first transaction, and the grant and the balance as they are now", async () => {
    const request = { ...credit("c-1", "ben", 100n), externalReference: `payment-${backend}`, priority: 7 };
    const first = await marked(test.economy.credit, request);
    await test.economy.debit(debit("c-spend", "ben", 30n));
    const again = await marked(test.economy.credit, request);
    expect([first.replayed, again.replayed]).toEqual([null, "true"]);
    expect(again.answer.transaction).toEqual(first.answer.transaction);
    expect(again.answer.balance?.balanceUsdMicros).toBe(70n);
    expect(first.answer.creditGrant).toMatchObject({ priority: 7, remainingUsdMicros: 100n });
    expect(again.answer.creditGrant).toEqual({ ...first.answer.creditGrant, remainingUsdMicros: 70n });
  });

  it("repeated with CreateGeneration returns the PENDING generation as first returned, whatever became of it", async () => {
    await fund(test, "cleo");
    const request = {
      requestId: "g-1",
      accountId: "cleo",
      toolId: "flux",
      attribution: { spell: { spellId: "s", ownerAccountId: "carol" }, loras: [] },
      notification: { platform: "telegram", target: "-100" },
      metadata: { b: "2", a: "1" },
    };
    const first = await marked(test.generations.createGeneration, request);
    const generationId = first.answer.generation?.generationId ?? "";
    await test.generations.attachRun({ generationId, runId: `run-${backend}` });
    await test.generations.reportProgress({ generationId, status: "running", progress: 0.5, liveStatus: "drawing" });
    const outputs = [{ url: "https://cdn.example/a.png" }];
    const ended = await test.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED, outputs });
    expect(ended.generation?.state).toBe(GenerationState.COMPLETED);

    const again = await marked(test.generations.createGeneration, request);
    expect([first.replayed, again.replayed]).toEqual([null, "true"]);
    expect(again.answer.generation?.state).toBe(GenerationState.PENDING);
    expect(again.answer).toEqual(first.answer);
    const bytes = (answer: typeof again.answer) => Buffer.from(toBinary(GenerationSchema, answer.generation as never));
    expect(bytes(again.answer)).toEqual(bytes(first.answer));
  });

  it("repeated with CreateGeneration after the tool was archived is still answered", async () => {
    await registerTool(test, "soon-gone");
    const first = await openGeneration(test, "g-gone", "cleo", { toolId: "soon-gone" });
    const { tool } = await test.generations.getTool({ toolId: "soon-gone" });
    if (!tool) throw new Error("the tool was registered");
    await test.generations.upsertTool({ tool: { ...tool, archived: true } });
    expect(await openGeneration(test, "g-gone", "cleo", { toolId: "soon-gone" })).toBe(first);
    const fresh = refusalOf(openGeneration(test, "g-gone-2", "cleo", { toolId: "soon-gone" }));
    expect(await fresh).toMatchObject({ reason: "TOOL_NOT_FOUND" });
  });

  it("repeated with RetryPayment returns the settlement and charges nothing", async () => {
    const generationId = await openGeneration(test, "g-unpaid", "dave");
    await test.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    await fund(test, "dave", 50_000n);
    const first = await marked(test.generations.retryPayment, { requestId: "p-1", generationId });
    const again = await marked(test.generations.retryPayment, { requestId: "p-1", generationId });
    expect([first.replayed, again.replayed]).toEqual([null, "true"]);
    expect(again.answer).toEqual(first.answer);
    expect(await balanceOf("dave")).toBe(40_000n);
  });

  it.each([
    ["amount", { amountUsdMicros: 11n }],
    ["account", { accountId: "someone" }],
    ["description", { description: "x" }],
    ["label", { metadata: { a: "b" } }],
    ["tool", { toolId: "t" }],
  ])("of a Debit used with another %s is refused as reused, and does nothing", async (field, change) => {
    await fund(test, "emma", 1_000n);
    const request = debit(`e-${field}`, "emma");
    await test.economy.debit(request);
    const before = await balanceOf("emma");
    const refusal = await refusalOf(test.economy.debit({ ...request, ...change }));
    expect(refusal).toMatchObject({
      code: "AlreadyExists",
      reason: "IDEMPOTENCY_KEY_REUSED",
      metadata: { request_id: `e-${field}` },
    });
    expect(await balanceOf("emma")).toBe(before);
  });

  it("of one method can't be used for another, even with the same fields", async () => {
    await fund(test, "finn", 100n);
    await test.economy.debit(debit("f-1", "finn"));
    const generationId = await openGeneration(test, "f-2", "finn");
    await test.generations.completeGeneration({ generationId, outcome: Outcome.SUCCEEDED });
    const reused = { reason: "IDEMPOTENCY_KEY_REUSED" };
    expect(await refusalOf(openGeneration(test, "f-1", "finn"))).toMatchObject(reused);
    expect(await refusalOf(test.economy.credit(credit("f-1", "finn")))).toMatchObject(reused);
    expect(await refusalOf(test.generations.retryPayment({ requestId: "f-1", generationId }))).toMatchObject(reused);
    expect(await refusalOf(test.economy.debit(debit("f-2", "finn")))).toMatchObject(reused);
    expect(await balanceOf("finn")).toBe(90n);
  });

  it("doesn't mind the order of labels, nor the port", async () => {
    await fund(test, "gwen", 100n);
    const labels = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`label-${index}`, String(index)]));
    const request = { ...debit("labels", "gwen"), metadata: labels };
    const first = await test.economy.debit(request);
    const shuffled = Object.fromEntries(Object.entries(labels).reverse());
    const again = await marked(test.economy.debit, { ...request, metadata: shuffled });
    expect(again.replayed).toBe("true");
    expect(again.answer.transaction?.transactionId).toBe(first.transaction?.transactionId);
    const json = { request_id: "labels", account_id: "gwen", amount_usd_micros: "10", metadata: shuffled };
    const overHttp = await post(test.app.httpUrl, "Debit", JSON.stringify(json));
    expect(overHttp.headers.get("idempotent-replayed")).toBe("true");
    expect(JSON.parse(overHttp.text).transaction.transactionId).toBe(first.transaction?.transactionId);
  });

  it("of a refused call is free: the same call may succeed later, and another call may use it", async () => {
    const request = debit("h-1", "hugo");
    expect(await refusalOf(test.economy.debit(request))).toMatchObject({ reason: "INSUFFICIENT_FUNDS" });
    expect(await refusalOf(test.economy.debit(request))).toMatchObject({ reason: "INSUFFICIENT_FUNDS" });
    await fund(test, "hugo", 100n);
    const late = await marked(test.economy.debit, request);
    expect(late).toMatchObject({ replayed: null, answer: { balance: { balanceUsdMicros: 90n } } });

    expect(await refusalOf(test.economy.debit(debit("h-2", "hugo", 1_000n)))).toMatchObject({
      reason: "INSUFFICIENT_FUNDS",
    });
    expect(await marked(test.economy.credit, credit("h-2", "hugo"))).toMatchObject({ replayed: null });

    const orphan = { requestId: "h-3", accountId: "hugo", toolId: "not-yet" };
    expect(await refusalOf(test.generations.createGeneration(orphan))).toMatchObject({ reason: "TOOL_NOT_FOUND" });
    await registerTool(test, "not-yet");
    expect(await marked(test.generations.createGeneration, orphan)).toMatchObject({ replayed: null });
  });

  it("used by many callers at once does its work once, and all get the same transaction", async () => {
    await fund(test, "iris", 100n);
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => marked(test.economy.debit, debit("i-1", "iris", 60n))),
    );
    const transactions = answers.map(({ answer }) =>
      Buffer.from(toBinary(TransactionSchema, answer.transaction as never)).toString("hex"),
    );
    expect(new Set(transactions).size).toBe(1);
    expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1);
    expect(await balanceOf("iris")).toBe(40n);
  });

  it("differs in case and in spaces", async () => {
    await fund(test, "jack", 100n);
    for (const requestId of ["j", "J", "j ", " j"]) {
      expect(await marked(test.economy.debit, debit(requestId, "jack"))).toMatchObject({ replayed: null });
    }
    expect(await balanceOf("jack")).toBe(60n);
  });

  it("doesn't free an external reference: it is credited once, and a second credit is told by which transaction", async () => {
    const reference = { externalReference: `chain:0xabc:${backend}` };
    const first = await test.economy.credit({ ...credit("k-1", "kim"), ...reference });
    const transactionId = first.transaction?.transactionId ?? "";
    for (const accountId of ["kim", "another"]) {
      const refusal = await refusalOf(test.economy.credit({ ...credit(`k-2-${accountId}`, accountId), ...reference }));
      expect(refusal).toMatchObject({
        code: "AlreadyExists",
        reason: "EXTERNAL_REFERENCE_USED",
        metadata: { external_reference: reference.externalReference, transaction_id: transactionId },
      });
    }
    expect(await balanceOf("kim")).toBe(10n);
    const free = await marked(test.economy.credit, credit("k-2-kim", "kim"));
    expect(free).toMatchObject({ replayed: null, answer: { balance: { balanceUsdMicros: 20n } } });
  });

  it("and an external reference stand racing credits: one of them gets in", async () => {
    const racing = Array.from({ length: 20 }, (_, index) =>
      test.economy.credit({ ...credit(`l-${index}`, `lee-${index}`), externalReference: `race:${backend}` }).then(
        () => "credited",
        async (error) => (await refusalOf(Promise.reject(error))).reason,
      ),
    );
    const ends = await Promise.all(racing);
    expect(ends.filter((end) => end === "credited")).toHaveLength(1);
    expect(ends.filter((end) => end === "EXTERNAL_REFERENCE_USED")).toHaveLength(19);
  });
});
