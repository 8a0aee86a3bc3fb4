import type { FastifyInstance } from "fastify";
import { type PointsRate, usdMicrosOfPoints } from "../domain/points.js";
import { isInsufficientFunds, LegacyError } from "./errors.js";
import { Fields } from "./fields.js";
import { readMetadata, readSpending } from "./labels.js";
import { formatUsd } from "./money.js";
import { requestKey } from "./request-key.js";
import { type EconomyClient, writing } from "./service-call.js";

/** The type that these debits are listed under. */
const SPEND_TYPE = "SPEND";

/** `POST …/economy/spend`: a Debit in points. Only the header can make it idempotent: nothing in the body names what was bought. */
export function spendRoute(scope: FastifyInstance, economy: EconomyClient, rate: PointsRate): void {
  scope.post<{ Params: { masterAccountId: string } }>(
    "/users/:masterAccountId/economy/spend",
    async ({ id, params, body, headers }, reply) => {
      const fields = new Fields(body);
      const points = fields.points("pointsToSpend");
      const { toolId, generationId, related } = readSpending(fields, "spendContext");
      const metadata = readMetadata(fields, { label: "transactionType", name: SPEND_TYPE }, related);
      fields.check();
      const requestId = requestKey(headers["idempotency-key"], undefined);
      const accountId = params.masterAccountId;
      const amountUsdMicros = usdMicrosOfPoints(points, rate, "up");
      const description = `${points} points spent`;
      const debit = { requestId, accountId, amountUsdMicros, toolId, generationId, description, metadata };
      const { transaction } = await economy.debit(debit, writing(reply)).catch((error: unknown) => {
        throw isInsufficientFunds(error) ? new LegacyError(402, "INSUFFICIENT_FUNDS", "Insufficient points.") : error;
      });
      const spent = Number(points);
      return {
        message: `Successfully deducted ${spent} points.`,
        totalPointsSpent: spent,
        breakdown: [
          {
            transactionId: transaction?.transactionId,
            pointsDeducted: spent,
            usdDeducted: formatUsd(amountUsdMicros),
          },
        ],
        requestId: id,
      };
    },
  );
}
