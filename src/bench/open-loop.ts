import { type Answer, framed, GrpcConnection } from "./grpc-connection.js";
import { callsIn, LATE, type OpenLoad, type OpenLoadResult, SERVED, UNSENT } from "./open-load.js";

/** What is due by then goes out together: one write for each connection, on which this process spends more than on the call. */
const TICK_MS = 4;
const CALLS_AT_ONCE = 256;
/** A generator that is behind by more than this leaves calls out instead of sending them all at once. */
const MOST_BEHIND_MS = 20;

/** Sends the calls of a load at its pace and settles when the last one has ended, at the latest by its deadline. */
export async function runOpenLoop(load: OpenLoad): Promise<OpenLoadResult> {
  const frames = load.messages.map(framed);
  const { target, path, deadlineMs } = load;
  const open = () => GrpcConnection.open({ target, path, deadlineMs, keepsMessages: false });
  const connections = await Promise.all(Array.from({ length: load.connections }, open));
  const outcomes = new Outcomes(frames.length);
  let underWay = 0;
  let whenEnded = (): void => {};
  const startedAt = performance.now();
  const now = (): number => performance.now() - startedAt;

  async function send(index: number): Promise<void> {
    underWay++;
    const sentAt = now();
    const connection = connections[index % connections.length] as GrpcConnection;
    const answer = await connection.call(frames[index] as Buffer);
    outcomes.add(index, sentAt, now() - sentAt, outcomeOf(answer));
    if (--underWay === 0) whenEnded();
  }
  for (const [index, dueMs] of dueTimes(load)) {
    if (index % CALLS_AT_ONCE === 0) await nextTurn();
    while (now() < dueMs) await tick();
    if (now() - dueMs > MOST_BEHIND_MS || underWay >= load.mostInFlight) continue;
    void send(index);
  }
  if (underWay > 0) {
    await new Promise<void>((resolve) => {
      whenEnded = resolve;
    });
  }
  for (const connection of connections) connection.destroy();
  return outcomes.result();
}

/** When each call is due, in milliseconds from the start. */
function* dueTimes({ phases, messages }: OpenLoad): Generator<readonly [number, number]> {
  let index = 0;
  let beganMs = 0;
  for (const phase of phases) {
    for (let call = 0; call < callsIn(phase) && index < messages.length; call++) {
      yield [index++, beganMs + (call * 1_000) / phase.callsPerSecond];
    }
    beganMs += phase.seconds * 1_000;
  }
}

/** Lets answers in, however late it is. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, TICK_MS));
}

function outcomeOf({ error, isLate }: Answer): string {
  if (isLate || error === DEADLINE_EXCEEDED) return LATE;
  return error === "" ? SERVED : (error ?? "no answer");
}

/** The service's answer to a call that it has seen run out of time. */
const DEADLINE_EXCEEDED = "grpc-status 4";

/** Keeps what became of each call in a few bytes. */
class Outcomes {
  private readonly sentAtMs: Float64Array;
  private readonly tookMs: Float64Array;
  private readonly outcome: Uint8Array;
  private readonly outcomes: string[] = [UNSENT, SERVED, LATE];

  constructor(calls: number) {
    this.sentAtMs = new Float64Array(calls).fill(Number.NaN);
    this.tookMs = new Float64Array(calls).fill(Number.NaN);
    this.outcome = new Uint8Array(calls);
  }

  add(index: number, sentAtMs: number, tookMs: number, outcome: string): void {
    let known = this.outcomes.indexOf(outcome);
    if (known < 0) known = this.outcomes.push(outcome) - 1;
    this.sentAtMs[index] = sentAtMs;
    this.tookMs[index] = tookMs;
    this.outcome[index] = known;
  }

  result(): OpenLoadResult {
    const { sentAtMs, tookMs, outcome, outcomes } = this;
    return { sentAtMs, tookMs, outcome, outcomes };
  }
}
