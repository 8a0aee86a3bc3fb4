/** The connections of one snapshot, which all show the same moment. A read takes one that is free, or waits for its turn: a connection does one thing at a time. */
export class ReadLanes<Connection> {
  private readonly free: Connection[];
  private readonly waiting: ((connection: Connection) => void)[] = [];
  private readonly reading = new Set<Promise<unknown>>();

  /** @param connections at least one */
  constructor(connections: readonly Connection[]) {
    this.free = [...connections];
  }

  use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const read = this.inTurn(work);
    const ended = read
      .catch(() => {})
      .then(() => {
        this.reading.delete(ended);
      });
    this.reading.add(ended);
    return read;
  }

  /** Waits for all reads that were asked for: a walk that fails may leave one behind, and its snapshot must not end under it. */
  async idle(): Promise<void> {
    while (this.reading.size > 0) await Promise.all(this.reading);
  }

  private async inTurn<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = this.free.pop() ?? (await new Promise<Connection>((take) => this.waiting.push(take)));
    try {
      return await work(connection);
    } finally {
      const next = this.waiting.shift();
      if (next) next(connection);
      else this.free.push(connection);
    }
  }
}
