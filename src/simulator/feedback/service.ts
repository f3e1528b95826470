/** The feedback service: sends the list of unregistered devices to each client that connects, and then clears it. */
import type { TLSSocket } from 'node:tls';
import { checkOptionNames } from '../../core/options.js';
import { encodeFeedbackTuple } from '../../protocol/binary/feedback-tuple.js';
import { endConnection } from '../connection-ending.js';
import { bytesFault, flagFault } from '../fault-option.js';
import type { ServiceContext } from '../service-context.js';
import type { SimulatorState } from '../simulator-state.js';
import { type LoopbackConnection, type LoopbackHost, listenTls, type TlsListener } from '../tls-listener.js';

/** Changes to the behaviour of the feedback service. Absent fields do not change. */
export interface FeedbackFaults {
  /** Whether the last tuple lacks its last byte. @default false */
  readonly truncateLast?: boolean;
  /** Whether connections stay open after the last tuple. @default false */
  readonly neverClose?: boolean;
  /** Sent in place of the list, which stays as it is. @default the list */
  readonly replaceBytes?: Uint8Array | undefined;
}

/** The port of the feedback service, and its initial faults. */
export interface FeedbackServiceOptions extends FeedbackFaults {
  /** @default 0, any free port */
  readonly port?: number;
}

/** Tuples are joined into chunks of this size, because one write per tuple would be slow. */
const TUPLES_PER_WRITE = 256;

const NO_FAULTS: Required<FeedbackFaults> = {
  truncateLast: false,
  neverClose: false,
  replaceBytes: undefined,
};

/**
 * The feedback service of a simulator: sends the list of unregistered devices to every client that has a
 * client certificate, clears it, and closes. Apple, "Binary Provider API", "The Feedback Service".
 */
export class FeedbackService {
  readonly #context: ServiceContext;
  #listener: TlsListener | undefined;
  #faults: Required<FeedbackFaults>;

  private constructor(context: ServiceContext, faults: Required<FeedbackFaults>) {
    this.#context = context;
    this.#faults = faults;
  }

  /** @throws {ApnsError} APNS_ERR_INVALID_OPTION; or the system's error where the port cannot be had */
  static async start(
    context: ServiceContext,
    options: FeedbackServiceOptions = {},
  ): Promise<FeedbackService> {
    checkOptionNames('feedback', options, ['port', ...Object.keys(NO_FAULTS)]);
    const { port, ...faults } = options;
    const service = new FeedbackService(context, changeFaults(NO_FAULTS, faults));
    service.#listener = await listenTls({
      ...context,
      name: 'feedback',
      port,
      onConnection: (connection) => service.#onConnection(connection),
    });
    return service;
  }

  get host(): LoopbackHost {
    return this.#context.host;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /**
   * Changes faults for connections that are made from now on; those not named stay as they are.
   *
   * @throws {ApnsError} APNS_ERR_INVALID_OPTION, and nothing is changed
   */
  setFaults(changes: FeedbackFaults): void {
    checkOptionNames('feedback', changes, Object.keys(NO_FAULTS));
    this.#faults = changeFaults(this.#faults, changes);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  #onConnection(connection: LoopbackConnection): void {
    const { state, limits } = this.#context;
    const { truncateLast, neverClose, replaceBytes } = this.#faults;
    const { socket } = connection;
    const tally = state.connected('feedback');
    socket.once('close', () => state.disconnected(tally));
    // The client sends nothing, but only reading detects its end.
    socket.resume();
    const chunks = replaceBytes === undefined ? tupleChunks(state, truncateLast) : [replaceBytes];
    writeAll(socket, chunks[Symbol.iterator](), () => {
      if (!neverClose) endConnection(connection, {}, limits.drainTimeoutMs);
    });
  }
}

/** Writes the list at the speed at which the client reads. */
function writeAll(socket: TLSSocket, chunks: Iterator<Uint8Array>, onWritten: () => void): void {
  for (;;) {
    const { done, value } = chunks.next();
    if (done) break;
    if (!socket.write(value)) {
      socket.once('drain', () => writeAll(socket, chunks, onWritten));
      return;
    }
  }
  onWritten();
}

/** Takes the list at once, and encodes it as it is asked for. */
function* tupleChunks(state: SimulatorState, truncateLast: boolean): Generator<Buffer> {
  let left = state.devices.feedbackCount;
  let batch: Buffer[] = [];
  for (const tuple of state.devices.takeFeedback()) {
    const bytes = encodeFeedbackTuple(tuple);
    left--;
    batch.push(left === 0 && truncateLast ? bytes.subarray(0, -1) : bytes);
    if (left > 0 && batch.length < TUPLES_PER_WRITE) continue;
    state.counts.feedbackTuples += batch.length;
    state.changed();
    yield Buffer.concat(batch);
    batch = [];
  }
}

function changeFaults(current: Required<FeedbackFaults>, changes: FeedbackFaults): Required<FeedbackFaults> {
  return {
    truncateLast: flagFault('feedback.truncateLast', changes.truncateLast, current.truncateLast),
    neverClose: flagFault('feedback.neverClose', changes.neverClose, current.neverClose),
    replaceBytes:
      'replaceBytes' in changes
        ? bytesFault('feedback.replaceBytes', changes.replaceBytes)
        : current.replaceBytes,
  };
}
