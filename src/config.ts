import { z } from "zod";
import { type PointsRate, parsePointsRate } from "./domain/points.js";
import { MICROS_PER_DAY, MICROS_PER_SECOND } from "./domain/time.js";
import { hostOf, isLoopback } from "./rpc/loopback.js";

/** One setting: an environment variable, which is also a flag of `tollgate serve`. */
export interface Setting<Value> {
  readonly environment: string;
  readonly flag: string;
  /** What it is for, in a sentence. */
  readonly description: string;
  /** What it takes, as the error message says it. */
  readonly takes: string;
  /** Used if it isn't set; undefined means it has no value then. */
  readonly default: string | undefined;
  /** Never printed. */
  readonly isSecret: boolean;
  readonly schema: z.ZodType<Value, string>;
}

const HOST_PORT = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/;

const hostPort = z.string().refine((text) => {
  const match = HOST_PORT.exec(text);
  return match !== null && Number(match[2]) <= 65_535;
});

const databaseUrl = z.string().refine((text) => {
  if (text.startsWith("sqlite:")) return text.length > "sqlite:".length;
  return /^postgres(ql)?:\/\/./.test(text) && URL.canParse(text);
});

const SPAN = /^([1-9]\d{0,3})([smhd])$/;
const SPAN_UNITS = {
  s: MICROS_PER_SECOND,
  m: 60n * MICROS_PER_SECOND,
  h: 3_600n * MICROS_PER_SECOND,
  d: MICROS_PER_DAY,
};

/** A span of time, in microseconds. */
const span = z.string().transform((text, context): bigint => {
  const match = SPAN.exec(text);
  if (match) return BigInt(match[1] as string) * SPAN_UNITS[match[2] as keyof typeof SPAN_UNITS];
  context.addIssue("no span of time");
  return z.NEVER;
});

const SPAN_TAKES = "a number from 1 to 9999 with its unit: s, m, h or d";

/** A connection's age is a timer of Node's, which takes no more than 24 days. */
const MOST_AGE_MICROS = MICROS_PER_DAY;

/** More processes than this would only wait for each other, and for connections that Postgres doesn't have. */
const MOST_WORKERS = 64;

const workerCount = z
  .string()
  .regex(/^[1-9]\d?$/)
  .transform(Number)
  .refine((count) => count <= MOST_WORKERS);

const onOrOff = z.enum(["on", "off"]).transform((text) => text === "on");

const httpUrl = z.string().refine((text) => /^https?:\/\//.test(text) && URL.canParse(text));

function setting<Value>(
  environment: string,
  description: string,
  takes: string,
  defaultText: string | undefined,
  schema: z.ZodType<Value, string>,
  isSecret = false,
): Setting<Value> {
  const flag = `--${environment.replace("TOLLGATE_", "").toLowerCase().replaceAll("_", "-")}`;
  return { environment, flag, description, takes, default: defaultText, isSecret, schema };
}

/** Every setting there is. The README's table is checked against this one. */
export const SETTINGS = {
  databaseUrl: setting(
    "TOLLGATE_DATABASE_URL",
    "Where the books are kept.",
    "sqlite:PATH, sqlite::memory: or postgres://…",
    "sqlite:data/tollgate.db",
    databaseUrl,
  ),
  grpcListen: setting(
    "TOLLGATE_GRPC_LISTEN",
    "Where gRPC is served. Port 0 picks a free one.",
    "HOST:PORT",
    "127.0.0.1:50051",
    hostPort,
  ),
  httpListen: setting(
    "TOLLGATE_HTTP_LISTEN",
    "Where Connect, gRPC-Web, JSON and webhooks are served. Port 0 picks a free one.",
    "HOST:PORT",
    "127.0.0.1:8080",
    hostPort,
  ),
  publicUrl: setting(
    "TOLLGATE_PUBLIC_URL",
    "Base of the webhook URLs given to the provider. Unset, it is the HTTP address.",
    "http://… or https://…",
    undefined,
    httpUrl,
  ),
  secret: setting(
    "TOLLGATE_SECRET",
    "Webhook and page tokens derive their keys from it. Required on Postgres; on SQLite it is made once and kept in the database if unset.",
    "at least 32 characters",
    undefined,
    z.string().min(32),
    true,
  ),
  workers: setting(
    "TOLLGATE_WORKERS",
    "Processes that serve behind the one pair of ports, about one for every two cores. More than 1 only on Postgres.",
    "a whole number from 1 to 64",
    "1",
    workerCount,
  ),
  connectionMaxAge: setting(
    "TOLLGATE_CONNECTION_MAX_AGE",
    "A connection this old, give or take a tenth, is asked to go once its calls are answered, so that callers spread over all processes again.",
    "a number with its unit, s, m or h, of at most 24h",
    "5m",
    span.refine((micros) => micros <= MOST_AGE_MICROS),
  ),
  logLevel: setting(
    "TOLLGATE_LOG_LEVEL",
    "How much is logged, as JSON lines on standard error. debug has a line for each call.",
    "silent, error, warn, info or debug",
    "info",
    z.enum(["silent", "error", "warn", "info", "debug"]),
  ),
  usdPerPoint: setting(
    "TOLLGATE_USD_PER_POINT",
    "US$ per point, the unit that balances and earnings are also shown in.",
    "a decimal above 0 with at most 12 decimals",
    "0.000337",
    z.string().transform((text, context): PointsRate => {
      const rate = parsePointsRate(text);
      if (rate) return rate;
      context.addIssue("no rate");
      return z.NEVER;
    }),
  ),
  abandonAfter: setting(
    "TOLLGATE_ABANDON_AFTER",
    "A generation that is still PENDING or RUNNING this long after its creation becomes FAILED with the reason ABANDONED.",
    SPAN_TAKES,
    "7d",
    span,
  ),
  autoRetry: setting(
    "TOLLGATE_AUTO_RETRY",
    "Whether generations that nobody could pay for are paid for by themselves once there is money in the payer's account.",
    "on or off",
    "off",
    onOrOff,
  ),
  autoRetryMaxAge: setting(
    "TOLLGATE_AUTO_RETRY_MAX_AGE",
    "A generation created longer ago than this is left to RetryPayment.",
    SPAN_TAKES,
    "30d",
    span,
  ),
} as const satisfies Record<string, Setting<unknown>>;

type SettingValue<S> = S extends { readonly schema: z.ZodType<infer Value, string> } ? Value : never;
type Required = "publicUrl" | "secret";

/** Typed settings. Those without a default may be undefined. */
export type Config = {
  readonly [Name in keyof typeof SETTINGS]: Name extends Required
    ? SettingValue<(typeof SETTINGS)[Name]> | undefined
    : SettingValue<(typeof SETTINGS)[Name]>;
};

/** A setting that stops the start. Its message is one line: the setting, what it got, what it takes. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Reads the settings; flags win over the environment.
 * @param flags by name of the setting ("databaseUrl")
 * @throws ConfigError
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string | undefined>> = {},
): Config {
  const values: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(SETTINGS)) {
    const given = flags[name] ?? (environment[each.environment] || undefined) ?? each.default;
    values[name] = given === undefined ? undefined : readSetting(each, given);
  }
  return values as Config;
}

/**
 * What has to hold before anything is served.
 * @throws ConfigError a Postgres without TOLLGATE_SECRET; several workers on SQLite; an address that isn't loopback
 */
export function checkServing(config: Config): void {
  requireSecret(config);
  requireSharedStore(config);
  requireLoopback(SETTINGS.grpcListen, config.grpcListen);
  requireLoopback(SETTINGS.httpListen, config.httpListen);
}

function readSetting(each: Setting<unknown>, given: string): unknown {
  const parsed = each.schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const got = each.isSecret ? `${given.length} characters` : JSON.stringify(given);
  throw new ConfigError(`${each.environment} (${each.flag}) got ${got} and takes ${each.takes}`);
}

function requireSecret(config: Config): void {
  if (config.secret !== undefined || config.databaseUrl.startsWith("sqlite:")) return;
  const { environment, flag, takes } = SETTINGS.secret;
  throw new ConfigError(`${environment} (${flag}) got nothing and takes ${takes}: several instances share a Postgres`);
}

function requireSharedStore(config: Config): void {
  if (config.workers === 1 || !config.databaseUrl.startsWith("sqlite:")) return;
  const { environment, flag } = SETTINGS.workers;
  throw new ConfigError(
    `${environment} (${flag}) got "${config.workers}" and takes 1 on SQLite, which one process writes; several share a postgres://…`,
  );
}

/**
 * Callers can't be told apart yet, so nobody but this machine may call.
 * @throws ConfigError
 */
export function requireLoopback({ environment, flag }: Setting<unknown>, listen: string): void {
  if (isLoopback(hostOf(listen))) return;
  throw new ConfigError(
    `${environment} (${flag}) got "${listen}" and takes a loopback address: no credentials are configured`,
  );
}
