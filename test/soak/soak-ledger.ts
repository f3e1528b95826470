/** The books of an endurance run: each notification's outcome beside what the simulator has recorded of it. */
import type { Outcome } from '../../src/core/outcome.js';
import type { AcceptedRecord } from '../../src/simulator/accepted-record.js';

interface Entry {
  /** The map's own key: an outcome's is a slice of all the text it was parsed from, and would keep that. */
  readonly token: string;
  readonly isOnce: boolean;
  recorded: number;
  /** Once it is known; `'gone'` if its stream has ended without taking it. */
  status: string | undefined;
}

/** What is settled is remembered for so long: nothing may come of it any more. */
const MEMORY_MS = 15_000;

/** Problems kept in full. Of more there is no need. */
const MAX_VIOLATIONS = 20;

export class SoakLedger {
  readonly violations: string[] = [];
  readonly outcomes: Record<string, number> = {};
  duplicates = 0;
  notifications = 0;
  readonly #record: AcceptedRecord;
  readonly #entries = new Map<string, Entry>();
  readonly #settled: { readonly token: string; readonly forgetAt: number }[] = [];

  constructor(record: AcceptedRecord) {
    this.#record = record;
  }

  /** Notifications that are not settled, or not forgotten yet. */
  get size(): number {
    return this.#entries.size;
  }

  complain(problem: string): void {
    if (this.violations.length < MAX_VIOLATIONS) this.violations.push(problem);
  }

  /** @param isOnce whether it may be accepted once at most */
  expect(token: string, isOnce: boolean): void {
    this.notifications++;
    this.#entries.set(token, { token, isOnce, recorded: 0, status: undefined });
  }

  settle(outcome: Outcome): void {
    const { status, deviceToken: token = '' } = outcome;
    const entry = this.#entries.get(token);
    this.outcomes[status] = (this.outcomes[status] ?? 0) + 1;
    if (entry === undefined || entry.status !== undefined) {
      this.complain(`${entry === undefined ? 'of nobody' : 'a second one'}: ${JSON.stringify(outcome)}`);
      return;
    }
    // The simulator records before it answers, and is in this process.
    if (status !== 'accepted' || entry.recorded === 0) this.readRecord();
    entry.status = status;
    this.#check(token, entry);
    this.#forgetLater(entry.token);
  }

  /** These will have no outcome: their stream is gone, and never took them. */
  abandon(tokens: Iterable<string>): void {
    for (const token of tokens) {
      const entry = this.#entries.get(token);
      if (entry === undefined || entry.status !== undefined) continue;
      entry.status = 'gone';
      this.#forgetLater(token);
    }
  }

  /** Takes over what the simulator has accepted, and forgets what is old. */
  readRecord(): void {
    for (const { deviceToken } of this.#record) {
      const entry = this.#entries.get(deviceToken);
      if (entry === undefined) {
        this.complain(`accepted long after its outcome, or never sent: ${deviceToken}`);
        continue;
      }
      if (++entry.recorded > 1) this.duplicates++;
      this.#check(deviceToken, entry);
    }
    if (this.#record.length > 0) this.#record.clear();
    const now = performance.now();
    while (this.#settled.length > 0 && this.#settled[0]!.forgetAt <= now)
      this.#entries.delete(this.#settled.shift()!.token);
  }

  #check(token: string, { isOnce, recorded, status }: Entry): void {
    const isWrong =
      (isOnce && recorded > 1) ||
      (status === 'accepted' && recorded === 0) ||
      (recorded > 0 && (status === 'unsent' || status === 'invalid' || status === 'gone')) ||
      (recorded > 0 && isOnce && status === 'rejected');
    if (isWrong) this.complain(`${status ?? 'no outcome yet'}, and accepted ${recorded} times: ${token}`);
  }

  #forgetLater(token: string): void {
    this.#settled.push({ token, forgetAt: performance.now() + MEMORY_MS });
  }
}
