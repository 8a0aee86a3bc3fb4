const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether an id can exist at all: our ids are lower-case UUIDs, and Postgres refuses to compare anything else with one. */
export function isUuid(id: string): boolean {
  return UUID.test(id);
}
