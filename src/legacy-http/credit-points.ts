import type { FastifyInstance } from "fastify";
import { type PointsRate, usdMicrosOfPoints } from "../domain/points.js";
import { Fields } from "./fields.js";
import { readMetadata } from "./labels.js";
import { requestKey } from "./request-key.js";
import { type EconomyClient, writing } from "./service-call.js";
import { sourceOf } from "./types.js";

/** `POST …/economy/credit-points`: a Credit in points. */
export function creditPointsRoute(scope: FastifyInstance, economy: EconomyClient, rate: PointsRate): void {
  scope.post<{ Params: { masterAccountId: string } }>(
    "/users/:masterAccountId/economy/credit-points",
    async ({ id, params, body, headers }, reply) => {
      const fields = new Fields(body);
      const points = fields.points("points");
      const description = fields.requiredText("description");
      const name = fields.requiredText("rewardType");
      const metadata = readMetadata(fields, { label: "rewardType", name }, fields.object("relatedItems"));
      const amountUsdMicros = usdMicrosOfPoints(points, rate, "down");
      if (points > 0n && amountUsdMicros === 0n) fields.add("points", "are worth less than a millionth of a dollar");
      fields.check();
      const requestId = requestKey(headers["idempotency-key"], undefined);
      const accountId = params.masterAccountId;
      const { transaction } = await economy.credit(
        { requestId, accountId, amountUsdMicros, source: sourceOf(name), description, metadata },
        writing(reply),
      );
      return reply.code(201).send({ success: true, entryId: transaction?.transactionId, requestId: id });
    },
  );
}
