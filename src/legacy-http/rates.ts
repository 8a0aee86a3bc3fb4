import type { FastifyInstance } from "fastify";
import { type PointsRate, pointsPerUsd } from "../domain/points.js";

/** `GET /economy`: how many points a dollar is. A number, as it was, because callers multiply with it to show points; nothing is booked by it. */
export function ratesRoute(scope: FastifyInstance, rate: PointsRate): void {
  scope.get("/economy", ({ id }) => ({
    success: true,
    data: { POINTS_per_USD: Number(pointsPerUsd(rate)) },
    timestamp: new Date().toISOString(),
    requestId: id,
  }));
}
