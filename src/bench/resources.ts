/** Something that runs until it is stopped. */
export interface Stoppable {
  stop(): Promise<unknown>;
}

/** Keeps what was started and stops it in reverse order, each once, whatever happens in between. */
export class Resources implements Stoppable {
  private readonly started: Stoppable[] = [];
  /** Whether it has been told to stop: what fails from then on, fails for that. */
  isStopping = false;

  add<Resource extends Stoppable>(resource: Resource): Resource {
    this.started.push(resource);
    return resource;
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    for (let next = this.started.pop(); next; next = this.started.pop()) await next.stop();
  }
}
