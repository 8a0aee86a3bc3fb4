import type { ContextKey, ContextValues } from "@connectrpc/connect";

/** What goes with a call besides its message, by key. There are two of them or three, so a look through all is quicker than anything that has to be made for each call. */
export class CallValues implements ContextValues {
  private readonly keys: symbol[];
  private readonly values: unknown[];

  /** With its first. */
  constructor({ id }: ContextKey<unknown>, value: unknown) {
    this.keys = [id];
    this.values = [value];
  }

  get<Value>({ id, defaultValue }: ContextKey<Value>): Value {
    const at = this.keys.indexOf(id);
    return at < 0 ? defaultValue : (this.values[at] as Value);
  }

  set<Value>({ id }: ContextKey<Value>, value: Value): this {
    const at = this.keys.indexOf(id);
    if (at >= 0) this.values[at] = value;
    else this.values[this.keys.push(id) - 1] = value;
    return this;
  }

  delete({ id }: ContextKey<unknown>): this {
    const at = this.keys.indexOf(id);
    if (at >= 0) {
      this.keys.splice(at, 1);
      this.values.splice(at, 1);
    }
    return this;
  }
}
