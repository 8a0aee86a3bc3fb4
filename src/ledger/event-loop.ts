/** Commands that are made, or applied, in one turn of the event loop, at most: everybody else waits for the end of it, those who are to be told that there is no room for them included (docs/decisions/0042). */
export const COMMANDS_A_TURN = 32;

/** Resolves when all that has arrived by now has been let in. */
export function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
