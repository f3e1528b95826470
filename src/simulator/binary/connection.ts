/**
 * One connection of the binary gateway, by Apple's rule: nothing is answered until something is wrong, then
 * one packet names it, and whatever follows it on this connection is discarded.
 *
 *     open ──bad frame or fault──▶ ended ──client closes, or time is up──▶ closed
 *     open ◀──time passes── held ◀──stall, latency── open          (frames wait in order)
 */
import type { TLSSocket } from 'node:tls';
import { ApnsError } from '../../core/errors.js';
import { encodeErrorResponse } from '../../protocol/binary/error-response.js';
import { decodeFrame, FRAME_FORMAT, type Frame, readIdentifier } from '../../protocol/binary/frame.js';
import { StatusCode } from '../../protocol/binary/status-code.js';
import { PacketReader } from '../../protocol/packet-reader.js';
import { type ConnectionEnding, endConnection } from '../connection-ending.js';
import type { ActiveSickConnections, GatewaySickness } from '../sick-connection.js';
import type { ConnectionTally } from '../simulator-counts.js';
import type { SimulatorState } from '../simulator-state.js';
import type { ConnectionLimits, LoopbackConnection } from '../tls-listener.js';
import { hoursAgo, latencyMs, slowReadBytesPerMs, stallMs, type TokenFault } from '../token-fault.js';
import type { ActiveGatewayFaults } from './faults.js';
import { type CompleteFrame, frameStatus } from './frame-status.js';

export class GatewayConnection {
  readonly #connection: LoopbackConnection;
  readonly #socket: TLSSocket;
  readonly #state: SimulatorState;
  readonly #limits: Required<ConnectionLimits>;
  readonly #tally: ConnectionTally;
  readonly #sickness: ActiveSickConnections<GatewaySickness> | undefined;
  /** Frames that this connection serves before it becomes sick. */
  #healthyLeft = Number.POSITIVE_INFINITY;
  readonly #reader = new PacketReader(FRAME_FORMAT);
  #faults: ActiveGatewayFaults;
  /** Frames that wait after a held one, in order; `undefined` while no frame is held. */
  #held: Buffer[] | undefined;
  #ended = false;
  /** Whether the rest of the input can no longer be cut into frames. */
  #unreadable = false;
  #clientEnded = false;
  #bytesPerMs = Number.POSITIVE_INFINITY;
  #resting = false;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #idle: NodeJS.Timeout | undefined;

  constructor(
    connection: LoopbackConnection,
    state: SimulatorState,
    limits: Required<ConnectionLimits>,
    faults: ActiveGatewayFaults,
    sickness?: ActiveSickConnections<GatewaySickness>,
  ) {
    this.#connection = connection;
    this.#socket = connection.socket;
    this.#state = state;
    this.#limits = limits;
    this.#faults = faults;
    this.#tally = state.connected('gateway');
    this.#sickness = sickness;
    if (sickness !== undefined) {
      this.#healthyLeft = sickness.healthyRequests;
      this.#tally.counts.sick = sickness.how;
    }
    if (limits.idleTimeoutMs > 0) this.#idle = setTimeout(() => this.#onIdle(), limits.idleTimeoutMs);
    this.#socket
      .on('data', (chunk: Buffer) => this.#onData(chunk))
      .once('end', () => this.#onClientEnd())
      .once('close', () => this.#onClose());
    this.#updateFlow();
  }

  /** Applies changed faults. */
  setFaults(faults: ActiveGatewayFaults): void {
    this.#faults = faults;
    this.#updateFlow();
  }

  /** Ends the connection without a packet; what is in flight is discarded. */
  disconnect(how: 'close' | 'reset'): void {
    if (!this.#ended) this.#end({ reset: how === 'reset' });
  }

  #onData(chunk: Buffer): void {
    if (this.#unreadable) return;
    try {
      this.#reader.read(chunk, this.#onFrame);
    } catch (error) {
      if (!(error instanceof ApnsError)) throw error;
      this.#unreadable = true;
      if (this.#held === undefined) this.#refuseUnreadable();
    }
    if (this.#bytesPerMs !== Number.POSITIVE_INFINITY && !this.#ended) this.#rest(chunk.length);
    this.#state.changed();
  }

  readonly #onFrame = (bytes: Buffer, start: number, end: number): void => {
    this.#idle?.refresh();
    if (this.#held !== undefined) this.#held.push(bytes.subarray(start, end));
    else this.#process(bytes, start, end);
  };

  #process(bytes: Buffer, start: number, end: number): void {
    if (this.#ended) {
      this.#tally.add('discarded');
      return;
    }
    if (this.#healthyLeft === 0) {
      this.#processSick(bytes, start, end);
      return;
    }
    this.#healthyLeft--;
    if (this.#healthyLeft === 0) this.#updateFlow();
    let frame: Frame;
    try {
      frame = decodeFrame(bytes, start, end);
    } catch {
      // A frame with invalid items may still contain a readable identifier.
      this.#reject(StatusCode.ProtocolError, readIdentifier(bytes, start, end));
      return;
    }
    const status = frameStatus(frame);
    if (status !== StatusCode.NoError) {
      this.#rejectFrame(status, frame);
      return;
    }
    const complete = frame as CompleteFrame;
    const fault = this.#state.tokenFaults.consume(complete.deviceToken);
    if (fault !== undefined) this.#apply(fault, complete);
    else this.#deliver(complete);
  }

  /** Also discards frames that had been read when the connection stopped reading. */
  #processSick(bytes: Buffer, start: number, end: number): void {
    const how = this.#sickness?.how;
    if (how === 'processing-error' || how === 'invalid-token') {
      const status = how === 'invalid-token' ? StatusCode.InvalidToken : StatusCode.ProcessingError;
      this.#reject(status, readIdentifier(bytes, start, end));
    } else {
      this.#tally.add('discarded');
    }
  }

  #deliver(frame: CompleteFrame): void {
    if (this.#state.devices.stateOf(frame.deviceToken) === 'invalid') {
      this.#rejectFrame(StatusCode.InvalidToken, frame);
    } else {
      this.#state.accept('binary', this.#tally, frame);
    }
  }

  #apply(fault: TokenFault, frame: CompleteFrame): void {
    const { name, argument } = fault;
    switch (name) {
      case 'reject':
      case 'rejectReset':
      case 'rejectSplit':
        this.#answerWithStatus(argument, frame, {
          reset: name === 'rejectReset',
          split: name === 'rejectSplit',
        });
        break;
      case 'temporary':
        this.#rejectFrame(StatusCode.ProcessingError, frame);
        break;
      case 'shutdown':
      case 'shutdownUnnamed':
        this.#deliver(frame);
        this.#answer(StatusCode.Shutdown, name === 'shutdown' ? frame.identifier : 0);
        break;
      case 'close':
      case 'reset':
        this.#tally.add('discarded');
        this.#end({ reset: name === 'reset' });
        break;
      case 'discard':
        this.#tally.add('discarded');
        break;
      case 'stall':
        this.#hold(frame, stallMs(argument));
        break;
      case 'latency':
        this.#hold(frame, latencyMs(argument));
        break;
      case 'slowRead':
        this.#bytesPerMs = slowReadBytesPerMs(argument);
        this.#deliver(frame);
        break;
      case 'unregistered':
        this.#state.devices.unregister(frame.deviceToken, hoursAgo(argument));
        this.#deliver(frame);
        break;
      // These faults exist over HTTP/2 only.
      default:
        this.#deliver(frame);
    }
  }

  /** A status code from a token. The two that do not mean failure name a notification that was accepted. */
  #answerWithStatus(statusCode: number, frame: CompleteFrame, ending: ConnectionEnding): void {
    if (statusCode === StatusCode.NoError || statusCode === StatusCode.Shutdown) {
      this.#deliver(frame);
      this.#answer(statusCode, frame.identifier, ending);
    } else {
      this.#rejectFrame(statusCode, frame, ending);
    }
  }

  #reject(statusCode: number, identifier: number | undefined, ending?: ConnectionEnding): void {
    this.#tally.add('rejected');
    this.#answer(statusCode, identifier, ending);
  }

  /** Apple, "Legacy Notification Format": an invalid notification with command 0 gets a close and no error response. */
  #rejectFrame(statusCode: number, frame: Frame, ending: ConnectionEnding = {}): void {
    if (frame.command !== 0) {
      this.#reject(statusCode, frame.identifier, ending);
      return;
    }
    this.#tally.add('rejected');
    this.#end({ reset: ending.reset ?? false });
  }

  #refuseUnreadable(): void {
    if (!this.#ended && !this.#isSilent()) this.#reject(StatusCode.ProtocolError, undefined);
  }

  /** Whether invalid frames get no error response either. */
  #isSilent(): boolean {
    return this.#healthyLeft === 0 && this.#sickness?.how === 'no-response';
  }

  #answer(statusCode: number, identifier = 0, ending: ConnectionEnding = {}): void {
    if (this.#ended) return;
    const { latencyMs, rewriteErrorResponse, splitErrorResponse, afterError } = this.#faults;
    const original = encodeErrorResponse({ statusCode, identifier });
    const packet = Buffer.from(rewriteErrorResponse?.(original) ?? original);
    const split = ending.split || splitErrorResponse;
    const reset = ending.reset || afterError === 'reset';
    this.#ended = true;
    if (latencyMs === 0) this.#end({ packet, split, reset });
    else this.#after(latencyMs, () => this.#end({ packet, split, reset }));
  }

  #end(ending: ConnectionEnding): void {
    this.#ended = true;
    endConnection(this.#connection, ending, this.#limits.drainTimeoutMs);
  }

  /** Holds a frame and every later one, without a limit if no time is given. */
  #hold(frame: CompleteFrame, ms: number | undefined): void {
    this.#held = [];
    this.#updateFlow();
    if (ms === undefined) return;
    this.#after(ms, () => {
      const waiting = this.#held ?? [];
      this.#held = undefined;
      if (this.#ended) this.#tally.add('discarded');
      else this.#deliver(frame);
      for (const bytes of waiting) this.#onFrame(bytes, 0, bytes.length);
      if (this.#held === undefined) this.#onReleased();
      this.#state.changed();
    });
  }

  #onReleased(): void {
    if (this.#unreadable) this.#refuseUnreadable();
    if (this.#clientEnded && !this.#ended) this.#end({});
    this.#updateFlow();
  }

  /** Limits the reading speed: after each chunk, pauses for the time that the chunk should have taken. */
  #rest(bytes: number): void {
    this.#resting = true;
    this.#updateFlow();
    this.#after(bytes / this.#bytesPerMs, () => {
      this.#resting = false;
      this.#updateFlow();
    });
  }

  #updateFlow(): void {
    if (this.#ended) return;
    const isBlocked = this.#healthyLeft === 0 && this.#sickness?.how === 'no-read';
    if (isBlocked || this.#faults.stall || this.#held !== undefined || this.#resting) this.#socket.pause();
    else this.#socket.resume();
  }

  #onClientEnd(): void {
    this.#clientEnded = true;
    if (this.#held === undefined && !this.#ended) this.#end({});
  }

  #onIdle(): void {
    if (this.#ended) return;
    if (this.#socket.isPaused()) this.#idle?.refresh();
    else this.#end({});
  }

  #onClose(): void {
    this.#ended = true;
    clearTimeout(this.#idle);
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.#held !== undefined) this.#tally.add('discarded', 1 + this.#held.length);
    this.#state.disconnected(this.#tally);
  }

  #after(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }
}
