import { TollgateError } from "../../domain/errors.js";
import type { Command } from "../command.js";
import type { References, WorkingSet } from "../working-set.js";

/** Several commands as one: all are applied, or, if one is refused, nothing is written. It has a database transaction to itself. */
export class AtomicCommand<Result> implements Command<Result[]> {
  readonly name = "BatchPost";
  readonly isAlone = true;
  /** Which command was refused, once one was. */
  refusedIndex: number | undefined;

  constructor(private readonly commands: readonly Command<Result>[]) {}

  /** Every request key and external reference of its parts. */
  get requests() {
    return this.commands.flatMap((command) => command.requests ?? []);
  }

  get externalReferences() {
    return this.commands.flatMap((command) => command.externalReferences ?? []);
  }

  accounts(references: References): readonly string[] {
    return this.commands.flatMap((command) => command.accounts(references));
  }

  /** May be applied again after more has been loaded: the parts that were applied then find their own request keys. */
  apply(set: WorkingSet): Result[] {
    return this.commands.map((command, index) => {
      try {
        return command.apply(set);
      } catch (error) {
        if (error instanceof TollgateError) this.refusedIndex = index;
        throw error;
      }
    });
  }
}
