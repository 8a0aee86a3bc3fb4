import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../src/config.js";

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
});
