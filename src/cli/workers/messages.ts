import type { MetricsSnapshot } from "../../telemetry/metrics.js";

/** The environment variable that names a worker to itself. It is no setting: the primary sets it. */
export const WORKER_NAME = "TOLLGATE_WORKER_NAME";

/** What a worker tells its primary. */
export type FromWorker =
  /** It serves. */
  | { readonly kind: "ready"; readonly grpcAddress: string; readonly httpUrl: string }
  /** Somebody asked it for the metrics of all. */
  | { readonly kind: "scrape"; readonly id: number }
  | { readonly kind: "measured"; readonly id: number; readonly metrics: MetricsSnapshot };

/** What the primary tells a worker. It is stopped with SIGTERM. */
export type ToWorker =
  | { readonly kind: "measure"; readonly id: number }
  | { readonly kind: "scraped"; readonly id: number; readonly text: string };

/** Questions to other processes. Each ends with its answer or, when its time is up, without one: who was asked may be gone. */
export class Questions<Answer> {
  private readonly open = new Map<number, (answer: Answer | undefined) => void>();
  private lastId = 0;

  /** @param send puts the question, under this id */
  ask(send: (id: number) => void, withinMs: number): Promise<Answer | undefined> {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      const end = (answer: Answer | undefined): void => {
        clearTimeout(timer);
        this.open.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(end, withinMs, undefined);
      this.open.set(id, end);
      send(id);
    });
  }

  /** An answer that comes too late is dropped. */
  answer(id: number, answer: Answer): void {
    this.open.get(id)?.(answer);
  }
}
