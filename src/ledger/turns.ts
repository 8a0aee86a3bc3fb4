/*
 * Batches load one after the other, so that none waits for rows of one that waits for it, and are applied one after the other, so that their times are in the order they were taken in. Only what comes after,
 * saving and committing, overlaps (docs/decisions/0022, 0041).
 */

/** In which order the batches of a writer load and are applied. */
export class Turns {
  /** Of the newest batch. Each resolves also if it fails; `applied` not before those of all batches before it. */
  private newest = { loaded: Promise.resolve(), applied: Promise.resolve() };

  /** @param loadsAhead whether a batch may load while the one before is still being applied */
  constructor(private readonly loadsAhead: boolean) {}

  /** Resolves when the next batch may load. */
  get whenFree(): Promise<void> {
    return this.loadsAhead ? this.newest.loaded : this.newest.applied;
  }

  /** Takes the next turn. */
  begin(): Turn {
    const { whenFree, newest: before } = this;
    const [loaded, applied] = [eventually(), eventually()];
    this.newest = { loaded: loaded.promise, applied: applied.promise };
    return {
      whenFree,
      loaded() {
        loaded.resolve();
        return before.applied;
      },
      applied: applied.resolve,
      end() {
        loaded.resolve();
        void before.applied.then(applied.resolve);
      },
    };
  }
}

/** Of one attempt at a batch. */
export interface Turn {
  /** Resolves when it may load. */
  readonly whenFree: Promise<void>;
  /** To be called once it has locked whatever it shares with others. @returns when it may be applied */
  loaded(): Promise<void>;
  /** To be called once nothing but saving is left. */
  applied(): void;
  /** To be called in the end, also if it has failed before. */
  end(): void;
}

function eventually(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
