import type { ConnectError } from "@connectrpc/connect";
import type { FastifyInstance } from "fastify";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { economyOf, transactionOf } from "./answers.js";
import { isInsufficientFunds, LegacyError } from "./errors.js";
import { Fields } from "./fields.js";
import { readMetadata, readSpending } from "./labels.js";
import { formatUsd } from "./money.js";
import { requestKey } from "./request-key.js";
import { type EconomyClient, writing } from "./service-call.js";

/** `POST …/economy/debit`: a Debit. Without a key, a generation is charged once for each type. */
export function debitRoute(scope: FastifyInstance, economy: EconomyClient): void {
  scope.post<{ Params: { masterAccountId: string } }>(
    "/users/:masterAccountId/economy/debit",
    async ({ params, body, headers }, reply) => {
      const fields = new Fields(body);
      const amountUsdMicros = fields.usd("amountUsd");
      const description = fields.text("description");
      const name = fields.text("transactionType");
      const { toolId, generationId, related } = readSpending(fields, "relatedItems");
      const metadata = readMetadata(fields, { label: "transactionType", name }, related);
      fields.check();
      const about = generationId === "" ? undefined : ["debit", generationId, name];
      const requestId = requestKey(headers["idempotency-key"], about);
      const accountId = params.masterAccountId;
      const debit = { requestId, accountId, amountUsdMicros, toolId, generationId, description, metadata };
      const { balance, transaction } = await economy.debit(debit, writing(reply)).catch((error: unknown) => {
        throw isInsufficientFunds(error) ? outOfFunds(error, amountUsdMicros) : error;
      });
      return { updatedEconomy: economyOf(balance), transaction: transactionOf(transaction, accountId) };
    },
  );
}

function outOfFunds(error: ConnectError, amountUsdMicros: bigint): LegacyError {
  const available = error.findDetails(ErrorInfoSchema)[0]?.metadata.available_usd_micros ?? "0";
  return new LegacyError(400, "INSUFFICIENT_FUNDS", "Insufficient funds.", {
    currentBalance: formatUsd(BigInt(available)),
    debitAmount: formatUsd(amountUsdMicros),
  });
}
