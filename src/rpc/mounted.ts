import type { DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";

/** A service with what answers it. */
export interface Mounted {
  readonly service: DescService;
  readonly implementation: ServiceImpl<DescService>;
}

/** Pairs a service with its implementation, whose type is then checked here and forgotten. */
export function mounted<Service extends DescService>(service: Service, implementation: ServiceImpl<Service>): Mounted {
  return { service, implementation: implementation as ServiceImpl<DescService> };
}
