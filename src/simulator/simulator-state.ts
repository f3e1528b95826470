/** The state that all services of one simulator share: devices, consumed faults, the record, the counts. */
import { ApnsError } from '../core/errors.js';
import { AcceptedRecord, type RecordDetail, type RecordFields, type Wire } from './accepted-record.js';
import { ChannelRegistry } from './channel-registry.js';
import { DeviceRegistry } from './device-registry.js';
import {
  type ConnectionCounts,
  ConnectionTally,
  type SimulatorCounts,
  type SimulatorService,
} from './simulator-counts.js';
import { TokenFaultMemory } from './token-fault.js';

/** How many connections have their counts kept. Beyond twice as many, the oldest are dropped. */
const MAX_CONNECTIONS = 10_000;

interface Waiter {
  readonly condition: (counts: Readonly<SimulatorCounts>) => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class SimulatorState {
  readonly devices: DeviceRegistry = new DeviceRegistry();
  readonly tokenFaults: TokenFaultMemory = new TokenFaultMemory();
  readonly channels: ChannelRegistry = new ChannelRegistry();
  readonly accepted: AcceptedRecord;
  readonly counts: SimulatorCounts = {
    connections: 0,
    openConnections: 0,
    accepted: 0,
    rejected: 0,
    discarded: 0,
    requests: 0,
    refused: 0,
    goaways: 0,
    feedbackTuples: 0,
  };
  readonly #waiters = new Set<Waiter>();
  #isClosed = false;
  readonly #startedAt = performance.now();
  readonly #tallies: ConnectionTally[] = [];

  constructor(detail: RecordDetail, limit: number) {
    this.accepted = new AcceptedRecord(detail, limit);
  }

  /** The latest connections, oldest first. */
  get connections(): readonly Readonly<ConnectionCounts>[] {
    return this.#tallies.map(({ counts }) => counts);
  }

  /** Counts a connection in, and gives it its number. */
  connected(service: SimulatorService): ConnectionTally {
    this.counts.openConnections++;
    const number = ++this.counts.connections;
    const tally = new ConnectionTally(this.counts, service, number, performance.now() - this.#startedAt);
    this.#tallies.push(tally);
    // Drop half of them at a time, so that the cost per connection stays small.
    if (this.#tallies.length >= 2 * MAX_CONNECTIONS) this.#tallies.splice(0, MAX_CONNECTIONS);
    this.changed();
    return tally;
  }

  /** Counts a connection out. */
  disconnected(tally: ConnectionTally): void {
    tally.counts.isOpen = false;
    this.counts.openConnections--;
    this.changed();
  }

  /** Counts and records an accepted notification, and adds its device to the feedback list if it is unregistered. */
  accept(wire: Wire, tally: ConnectionTally, fields: RecordFields): void {
    tally.add('accepted');
    this.accepted.add(wire, tally.counts.connection, fields);
    this.devices.reportUndelivered(fields.deviceToken);
  }

  /** Call this after counts have changed. One call after many changes is sufficient. */
  changed(): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#waiters) {
      try {
        if (!waiter.condition(this.counts)) continue;
        waiter.resolve();
      } catch (error) {
        waiter.reject(error as Error);
      }
      this.#waiters.delete(waiter);
    }
  }

  /** Resolves as soon as the counts meet a condition. */
  waitFor(condition: Waiter['condition']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ condition, resolve, reject });
      this.changed();
      if (this.#isClosed) this.#rejectWaiters();
    });
  }

  /**
   * Resolves when every connection is counted as closed, and every pending request as discarded. Call it when the
   * services are closed. Conditions that callers still wait for are then never met.
   */
  async close(): Promise<void> {
    // Every socket is closed by now, but its event may follow in the next turn.
    if (this.counts.openConnections > 0) await this.waitFor(({ openConnections }) => openConnections === 0);
    this.#isClosed = true;
    this.changed();
    this.#rejectWaiters();
  }

  #rejectWaiters(): void {
    const error = new ApnsError('APNS_ERR_CLOSED', 'the simulator was closed before the condition was met');
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }
}
