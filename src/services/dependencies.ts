import type { Message } from "@bufbuild/protobuf";
import type { PointsRate } from "../domain/points.js";
import type { LedgerWriter } from "../ledger/writer.js";
import type { AuditStore } from "../storage/audit-store.js";
import type { ReadStore, RewardPolicyStore, ToolStore } from "../storage/read-store.js";
import type { PageTokens } from "./page-token.js";

/** What the services are made of. */
export interface ServiceDependencies {
  readonly writer: LedgerWriter;
  readonly store: ReadStore & ToolStore & RewardPolicyStore & AuditStore;
  readonly points: PointsRate;
  readonly pageTokens: PageTokens;
  /** Checks a request inside a request as if it had come by itself. Throws TollgateError. */
  readonly checkRequest: (message: Message) => void;
  /** Makes the URL that can complete a generation. */
  readonly webhookUrlOf: (generationId: string) => string;
}
