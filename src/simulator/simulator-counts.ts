/** The counts of the simulator, as a whole and connection by connection. */

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

/** A service of the simulator. */
export type SimulatorService = 'gateway' | 'feedback' | 'http2';

/** The counts that a connection has of its own. */
export type ConnectionCountName = 'requests' | 'accepted' | 'rejected' | 'discarded' | 'refused';

/** One connection, and what it was used for. The counts mean what those of {@link SimulatorCounts} mean. */
export interface ConnectionCounts extends Pick<SimulatorCounts, ConnectionCountName> {
  /** Counted from 1 over all services, as in `accepted`. */
  readonly connection: number;
  readonly service: SimulatorService;
  /** When its TLS handshake was done, in milliseconds since the simulator was started. */
  readonly openedAtMs: number;
  /** Whether it has not been closed yet. */
  isOpen: boolean;
  /** The fault `sickConnections` that it was given, if any. */
  sick?: string;
}

/** Adds what happens on one connection to its own counts and to those of the simulator. */
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
