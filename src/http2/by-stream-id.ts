/**
 * Something for each of a connection's streams. What a Map once held lives on when it has made its table anew: each table points at the next, so once one of them is old, whatever later ones hold
 * is kept until old memory is collected (docs/decisions/0043). An object's table points nowhere.
 */
export class ByStreamId<T> {
  private readonly table: Record<number, T> = Object.create(null);
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(streamId: number): T | undefined {
    return this.table[streamId];
  }

  /** To be called for a stream that has nothing yet. */
  add(streamId: number, value: T): void {
    this.table[streamId] = value;
    this.count++;
  }

  delete(streamId: number): void {
    if (!(streamId in this.table)) return;
    delete this.table[streamId];
    this.count--;
  }

  /** As they are now, by stream. */
  values(): T[] {
    return Object.values(this.table);
  }
}
