import type { FastifyInstance } from "fastify";
import { economyOf } from "./answers.js";
import { LegacyError } from "./errors.js";
import { type EconomyClient, READ } from "./service-call.js";

/** `GET …/economy`: what an account has; and `PUT …/economy/exp`, which is gone. */
export function economyRoutes(scope: FastifyInstance, economy: EconomyClient): void {
  scope.get<{ Params: { masterAccountId: string } }>("/users/:masterAccountId/economy", async ({ params }) => {
    const { balance } = await economy.getBalance({ accountId: params.masterAccountId }, READ);
    return economyOf(balance);
  });
  scope.put("/users/:masterAccountId/economy/exp", {
    // Before the body is read: whatever it says, the answer is the same.
    onRequest: async () => {
      const message =
        "exp is a game score and no money, so it moved out of the economy service: keep it with the user's profile. It reads as 0 here";
      throw new LegacyError(410, "GONE", message);
    },
    handler: () => {},
  });
}
