/** What all wires of one simulator share: devices, faults already struck, the record, the counts. */
import { ApnsError } from '../errors.js';
import { AcceptedRecord, type RecordDetail, type RecordFields, type Wire } from './accepted-record.js';
import { ChannelRegistry } from './channel-registry.js';
import { DeviceRegistry } from './device-registry.js';
import { TokenFaultMemory } from './token-fault.js';

/** How often what has happened, since the simulator started. */
export interface SimulatorCounts {
  /** Connections whose TLS handshake succeeded, on any port. */
  connections: number;
  /** Of those, the ones not yet closed. */
  openConnections: number;
  /** Notifications accepted, on any wire. */
  accepted: number;
  /** Notifications rejected, on any wire, and unparsable packets. */
  rejected: number;
  /**
   * Whole frames and HTTP/2 requests dropped without a word: what followed an error, lay above GOAWAY's last
   * stream or on a connection that was cut, and what a token's fault asks to drop.
   */
  discarded: number;
  /** HTTP/2 requests that arrived, the refused ones included. */
  requests: number;
  /** Of those, the ones refused with REFUSED_STREAM: neither accepted, rejected nor discarded. */
  refused: number;
  /** GOAWAY frames sent on purpose. */
  goaways: number;
  /** Feedback tuples handed to a connection. */
  feedbackTuples: number;
}

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

  constructor(detail: RecordDetail, limit: number) {
    this.accepted = new AcceptedRecord(detail, limit);
  }

  /** Counts a connection in, and gives it its number. */
  connected(): number {
    this.counts.openConnections++;
    this.counts.connections++;
    this.changed();
    return this.counts.connections;
  }

  /** Counts a connection out. */
  disconnected(): void {
    this.counts.openConnections--;
    this.changed();
  }

  /** Counts and records an accepted notification, and tells the feedback service if its device is gone. */
  accept(wire: Wire, connection: number, fields: RecordFields): void {
    this.counts.accepted++;
    this.accepted.add(wire, connection, fields);
    this.devices.reportUndelivered(fields.deviceToken);
  }

  /** To be called after counts have changed; once for many changes is enough. */
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
  until(condition: Waiter['condition']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ condition, resolve, reject });
      this.changed();
    });
  }

  /** Rejects everyone who still waits. */
  close(): void {
    const error = new ApnsError('APNS_ERR_CLOSED', 'the simulator was closed before the condition was met');
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }
}
