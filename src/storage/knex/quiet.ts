import type { Knex } from "knex";

/**
 * Keeps knex from writing to stdout by itself: what goes wrong comes out as a StoreError, once, and the floors above log it in their own form.
 * Its lines are none of the service's JSON, and quote SQL with values in it.
 */
export const QUIET: Knex.Logger = {
  warn() {},
  error() {},
  deprecate() {},
  debug() {},
};
