import { defineConfig } from "vitest/config";

/** The checks that read the tree instead of running the service: docs against code, import direction. */
export default defineConfig({ test: { include: ["test/docs/**/*.test.ts"] } });
