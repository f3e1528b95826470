/** The counts of the simulator: totals, and counts for each connection. */

/** Counts of events since the simulator started. */
export interface SimulatorCounts {
  /** Connections whose TLS handshake succeeded, on any port. */
  connections: number;
  /** The number of those that are not closed. */
  openConnections: number;
  /** Notifications accepted, on any wire. */
  accepted: number;
  /** Notifications rejected, on any wire, and unparsable packets. */
  rejected: number;
  /**
   * Complete frames and HTTP/2 requests that were dropped without a response: after an error, above GOAWAY's last
   * stream, on a connection that was cut, or because a token's fault requests it.
   */
  discarded: number;
  /** HTTP/2 requests that arrived, the refused ones included. */
  requests: number;
  /** The number of those that were refused with REFUSED_STREAM: neither accepted, rejected nor discarded. */
  refused: number;
  /** GOAWAY frames sent on purpose. */
  goaways: number;
  /** Feedback tuples handed to a connection. */
  feedbackTuples: number;
}

/** A service of the simulator. */
export type SimulatorService = 'gateway' | 'feedback' | 'http2';

/** The counts that are kept for each connection. */
export type ConnectionCountName = 'requests' | 'accepted' | 'rejected' | 'discarded' | 'refused';

/** One connection and its counts. The counts have the same meaning as those of {@link SimulatorCounts}. */
export interface ConnectionCounts extends Pick<SimulatorCounts, ConnectionCountName> {
  /** Counted from 1 over all services, as in `accepted`. */
  readonly connection: number;
  readonly service: SimulatorService;
  /** When its TLS handshake completed, in milliseconds since the simulator was started. */
  readonly openedAtMs: number;
  /** Whether it has not been closed yet. */
  isOpen: boolean;
  /** The fault `sickConnections` that it was given, if any. */
  sick?: string;
}

/** Adds the events of one connection to its own counts and to those of the simulator. */
export class ConnectionTally {
  readonly counts: ConnectionCounts;
  readonly #total: SimulatorCounts;

  constructor(total: SimulatorCounts, service: SimulatorService, connection: number, openedAtMs: number) {
    this.#total = total;
    this.counts = {
      connection,
      service,
      openedAtMs,
      isOpen: true,
      requests: 0,
      accepted: 0,
      rejected: 0,
      discarded: 0,
      refused: 0,
    };
  }

  add(name: ConnectionCountName, times = 1): void {
    this.#total[name] += times;
    this.counts[name] += times;
  }
}
