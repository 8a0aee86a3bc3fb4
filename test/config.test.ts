import { describe, expect, it } from "vitest";
import { ConfigError, checkServing, readConfig } from "../src/config.js";

const SECOND = 1_000_000n;

describe("a setting", () => {
  it.each([
    ["1s", SECOND],
    ["90s", 90n * SECOND],
    ["15m", 900n * SECOND],
    ["12h", 43_200n * SECOND],
    ["7d", 604_800n * SECOND],
    ["9999d", 863_913_600n * SECOND],
  ])("that takes a span of time reads %s", (text, micros) => {
    const config = readConfig({ TOLLGATE_ABANDON_AFTER: text, TOLLGATE_AUTO_RETRY_MAX_AGE: text });
    expect(config).toMatchObject({ abandonAfter: micros, autoRetryMaxAge: micros });
  });

  it.each(["0d", "7", "d", "-1d", "1.5d", "10000d", "7 d", "7w", "7D", "1e3d", "P7D"])(
    "that takes a span of time refuses %j, in a line that names it",
    (text) => {
      const read = () => readConfig({ TOLLGATE_ABANDON_AFTER: text });
      expect(read).toThrow(ConfigError);
      expect(read).toThrow(
        `TOLLGATE_ABANDON_AFTER (--abandon-after) got ${JSON.stringify(text)} and takes a number from 1 to 9999 with its unit: s, m, h or d`,
      );
    },
  );

  it("is the default where it isn't set: a week, no retries, thirty days", () => {
    expect(readConfig({})).toMatchObject({
      ...{ abandonAfter: 604_800n * SECOND, autoRetry: false, autoRetryMaxAge: 2_592_000n * SECOND },
    });
  });

  it("that is on or off takes nothing else", () => {
    expect(readConfig({ TOLLGATE_AUTO_RETRY: "on" }).autoRetry).toBe(true);
    expect(readConfig({ TOLLGATE_AUTO_RETRY: "on" }, { autoRetry: "off" }).autoRetry).toBe(false);
    for (const text of ["true", "1", "ON", "yes"]) {
      expect(() => readConfig({ TOLLGATE_AUTO_RETRY: text })).toThrow("takes on or off");
    }
  });

  it("that counts workers takes 1 to 64, and 1 is the default", () => {
    expect(readConfig({}).workers).toBe(1);
    expect(readConfig({}, { workers: "64" }).workers).toBe(64);
    for (const text of ["0", "65", "-1", "1.5", "two", "1e1", "02", " 2"]) {
      expect(() => readConfig({ TOLLGATE_WORKERS: text })).toThrow(
        `TOLLGATE_WORKERS (--workers) got ${JSON.stringify(text)} and takes a whole number from 1 to 64`,
      );
    }
  });

  it("of a connection's age takes up to a day, and five minutes is the default", () => {
    expect(readConfig({}).connectionMaxAge).toBe(300n * SECOND);
    expect(readConfig({ TOLLGATE_CONNECTION_MAX_AGE: "24h" }).connectionMaxAge).toBe(86_400n * SECOND);
    for (const text of ["25h", "2d", "86401s", "0s", "off"]) {
      expect(() => readConfig({ TOLLGATE_CONNECTION_MAX_AGE: text })).toThrow("of at most 24h");
    }
  });

  it("for several workers is refused on SQLite before anything is served", () => {
    const secret = "x".repeat(32);
    expect(() => checkServing(readConfig({ TOLLGATE_WORKERS: "2" }))).toThrow("takes 1 on SQLite");
    checkServing(readConfig({ TOLLGATE_WORKERS: "1" }));
    checkServing(
      readConfig({ TOLLGATE_WORKERS: "2", TOLLGATE_DATABASE_URL: "postgres://db/x", TOLLGATE_SECRET: secret }),
    );
  });
});
