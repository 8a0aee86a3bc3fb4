/**
 * A message that is refused for its size is answered before it has been read, and Connect ends the body's iterator there: nothing can be read of the request any more, so the connection's next request, which stands
 * behind the rest of this one, waits until the time-out and is answered 408. This gives Connect a body that it can't end.
 * @returns the body, and what is to be called when the answer is known: it reads and drops the rest, however long, for at most the server's time-out
 */
export function droppable(sent: AsyncIterable<Uint8Array>): {
  body: AsyncIterable<Uint8Array>;
  dropRest: () => Promise<void>;
} {
  const iterator = sent[Symbol.asyncIterator]();
  return {
    body: { [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) },
    async dropRest() {
      try {
        while (!(await iterator.next()).done);
      } catch {
        // The client has gone, or took too long: there is no rest.
      }
    },
  };
}
