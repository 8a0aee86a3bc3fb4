import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { isWrite } from "../overload-gate.js";

/** Means that the caller has gone, or has no more time, where a frame says which method is called. */
export const CANCELLED = 0xffff_ffff;

/** The methods whose calls go to the writing thread. Both threads number them by this list. */
export function writesOf(services: readonly DescService[]): DescMethod[] {
  return services.flatMap(({ methods }) => methods.filter((each) => each.methodKind === "unary" && isWrite(each)));
}
