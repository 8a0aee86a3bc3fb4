import type { FastifyInstance } from "fastify";
import { economyOf, transactionOf } from "./answers.js";
import { Fields } from "./fields.js";
import { readMetadata } from "./labels.js";
import { requestKey } from "./request-key.js";
import { type EconomyClient, writing } from "./service-call.js";
import { sourceOf } from "./types.js";

/** `POST …/economy/credit`: a Credit. Without a key, an outside payment is credited once. */
export function creditRoute(scope: FastifyInstance, economy: EconomyClient): void {
  scope.post<{ Params: { masterAccountId: string } }>(
    "/users/:masterAccountId/economy/credit",
    async ({ params, body, headers }, reply) => {
      const fields = new Fields(body);
      const amountUsdMicros = fields.usd("amountUsd");
      const description = fields.requiredText("description");
      const name = fields.requiredText("transactionType");
      const externalReference = fields.text("externalTransactionId");
      const metadata = readMetadata(fields, { label: "transactionType", name }, fields.object("relatedItems"));
      fields.check();
      const about = externalReference === "" ? undefined : ["credit", externalReference];
      const requestId = requestKey(headers["idempotency-key"], about);
      const accountId = params.masterAccountId;
      const { balance, transaction } = await economy.credit(
        { requestId, accountId, amountUsdMicros, source: sourceOf(name), externalReference, description, metadata },
        writing(reply),
      );
      return { updatedEconomy: economyOf(balance), transaction: transactionOf(transaction, accountId) };
    },
  );
}
