/**
 * One connection of the HTTP/2 side: its streams, its stream limit, and the ways in which it ends.
 *
 *     open ──GOAWAY──▶ draining (what lies at or below the last stream is answered) ──▶ ended ──▶ closed
 *     open ──fault──▶ ended (what is unanswered is discarded) ──client closes, or time is up──▶ closed
 *
 * Each notification that arrives is counted once: accepted, rejected, discarded or refused. It is accepted
 * when it is answered, and stays so if the answer cannot be written.
 */
import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import { MAX_UINT31 } from '../../protocol/http2/frame-header.js';
import { rejection } from '../rejection.js';
import type { ActiveSickConnections, Http2Sickness } from '../sick-connection.js';
import type { ConnectionTally } from '../simulator-counts.js';
import type { LoopbackConnection } from '../tls-listener.js';
import {
  type Goaway,
  ORDERLY_GOAWAY,
  type ProviderConnectionControl,
  type ProviderContext,
} from './context.js';
import { ProviderExchange } from './exchange.js';
import { ProviderAuth } from './provider-auth.js';
import { answerEarly, processRequest, respondSick } from './request.js';
import { Http2Wire } from './wire.js';

/** The value that Apple's gateway announces. */
const MAX_HEADER_LIST_BYTES = 8000;

/** The rest of a longer body is neither kept nor awaited. */
const MAX_BODY_BYTES = 64 * 1024;

/** Settings go out with every change of the limit; a client may be slow to acknowledge them. */
const MAX_OUTSTANDING_SETTINGS = 1_000_000;

/** In MB. Above it, node:http2 refuses streams. Its default of 10 is too small for responses of a megabyte each. */
const MAX_SESSION_MEMORY = 2000;

const GOAWAY_TEXT = 'the simulator closes the connection';

export class ProviderConnection implements ProviderConnectionControl {
  readonly auth: ProviderAuth;
  readonly context: ProviderContext;
  readonly tally: ConnectionTally;
  readonly wire: Http2Wire;
  readonly #session: ServerHttp2Session;
  /** Exchanges that are not settled, or whose response is not completely written. */
  readonly #exchanges = new Map<number, ProviderExchange>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #idle: NodeJS.Timeout | undefined;
  /** Requests that wait after a held one, in order; `undefined` while no request is held. */
  #held: ProviderExchange[] | undefined;
  #requests = 0;
  #highestStream = 0;
  /** The highest stream with a response. A GOAWAY must not deny it. */
  #highestAnswered = 0;
  #lastStream = MAX_UINT31;
  /** Requests that a later GOAWAY will deny, in order. */
  #deniedByGoaway: ProviderExchange[] = [];
  readonly #sickness: ActiveSickConnections<Http2Sickness> | undefined;
  #isAtOneStream: boolean;
  #limit: number;
  #isDraining = false;
  #isEnded = false;

  constructor(connection: LoopbackConnection, context: ProviderContext) {
    const { state, limits, faults } = context;
    const { socket } = connection;
    this.context = context;
    this.tally = state.connected('http2');
    this.#sickness = faults.sickConnections.take();
    if (this.#sickness !== undefined) this.tally.counts.sick = this.#sickness.how;
    this.auth = new ProviderAuth(socket, context.tokens, context.environment);
    this.#isAtOneStream = faults.active.startAtOneStream && this.auth.usesToken;
    this.#limit = this.#wantedLimit();
    this.wire = new Http2Wire(connection, limits.drainTimeoutMs, faults.active.ignorePing, () =>
      this.end({ reset: false }),
    );
    socket.once('close', () => this.#onClose());
    if (this.#sickness?.how === 'no-window' && this.#sickness.healthyRequests === 0) this.wire.keepWindow();
    const goaway = faults.takeGoaway(0);
    if (goaway !== undefined) this.#sayGoaway(goaway, this.#denyStreams(goaway));
    const options: ServerOptions & { readonly maxOutstandingSettings: number } = {
      settings: { maxConcurrentStreams: this.#limit, maxHeaderListSize: MAX_HEADER_LIST_BYTES },
      maxOutstandingSettings: MAX_OUTSTANDING_SETTINGS,
      maxSessionMemory: MAX_SESSION_MEMORY,
    };
    this.#session = performServerHandshake(this.wire, options);
    this.#session.on('error', ignore);
    this.#session.on('stream', (stream, headers, _flags, rawHeaders: readonly string[] = []) =>
      this.#onStream(stream, headers, rawHeaders),
    );
    if (goaway !== undefined) this.end({ reset: false });
    if (limits.idleTimeoutMs > 0) this.#idle = setTimeout(() => this.#onIdle(), limits.idleTimeoutMs);
  }

  /** Ends the connection from outside: after a GOAWAY, without one, or with a reset. */
  disconnect(how: 'goaway' | 'close' | 'reset'): void {
    if (how === 'goaway') this.goaway(ORDERLY_GOAWAY);
    else this.end({ reset: how === 'reset' });
  }

  /** Applies changed faults. */
  updateLimit(): void {
    const limit = this.#wantedLimit();
    if (limit === this.#limit || this.#isEnded || this.#session.destroyed) return;
    this.#limit = limit;
    this.#session.settings({ maxConcurrentStreams: limit });
  }

  onAnswer({ id }: ProviderExchange): void {
    this.#highestAnswered = Math.max(this.#highestAnswered, id);
  }

  onAccepted(): void {
    if (!this.#isAtOneStream) return;
    this.#isAtOneStream = false;
    this.updateLimit();
  }

  onRejected(): void {
    if (!this.context.faults.active.fallToOneAfterRejection) return;
    this.#isAtOneStream = true;
    this.updateLimit();
    let open = 0;
    for (const exchange of this.#exchanges.values()) {
      if (!exchange.isSettled && ++open > 1) exchange.refuse();
    }
  }

  goaway(goaway: Goaway, behind?: ProviderExchange): void {
    const lastStreamIds = this.#denyStreams(goaway);
    for (const [id, exchange] of this.#exchanges) {
      if (id > this.#lastStream) this.drop(exchange);
    }
    this.#respondToUndenied();
    const stream = behind?.stream;
    const say = (): void => this.#writeGoaway(goaway, lastStreamIds);
    if (stream === undefined || stream.destroyed) say();
    // Wait for the next turn: node:http2 may close a stream before it writes the frame that ended it.
    else stream.once('close', () => setImmediate(say));
  }

  #writeGoaway(goaway: Goaway, lastStreamIds: readonly number[]): void {
    if (this.#isEnded) return;
    this.#sayGoaway(goaway, lastStreamIds);
    if (goaway.afterwards === 'close') this.end({ reset: false });
    else if (goaway.afterwards === 'drain') this.#drain();
  }

  end(ending: { readonly reset: boolean }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#clear();
    // Node 22 aborts when a session is destroyed while one of its events is handled (nodejs/node#64850).
    setImmediate(() => this.wire.finish(ending));
  }

  hold(ms: number | undefined, onReleased: () => void): void {
    this.#held = [];
    this.wire.hold();
    if (ms === undefined) return;
    this.after(ms, () => {
      const waiting = this.#held ?? [];
      this.#held = undefined;
      onReleased();
      for (const exchange of waiting) this.#process(exchange);
      if (this.#held === undefined) this.wire.release();
    });
  }

  drop(exchange: ProviderExchange): void {
    exchange.discard();
    // The rest of the body must be read, because unread bytes would use up the flow-control window of the connection.
    exchange.stream.resume();
    this.#exchanges.delete(exchange.id);
    this.#endIfDrained();
  }

  after(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
      this.context.state.changed();
    }, ms);
    this.#timers.add(timer);
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    const { faults, state } = this.context;
    const exchange = new ProviderExchange(this, stream, headers, rawHeaders);
    stream.on('error', ignore);
    this.#idle?.refresh();
    this.tally.add('requests');
    this.#requests++;
    exchange.isSick = this.#isSick();
    this.#highestStream = Math.max(this.#highestStream, exchange.id);
    this.#exchanges.set(exchange.id, exchange);
    stream
      .on('data', (chunk: Buffer) => this.#onData(exchange, chunk))
      // A reset ends the body too, wherever it was.
      .once('end', () => stream.aborted || this.#process(exchange))
      .once('close', () => this.#onStreamClose(exchange));
    if (this.#isEnded || exchange.id > this.#lastStream) this.drop(exchange);
    else if (faults.takeRefusal()) exchange.refuse();
    else if (exchange.isSick && this.#sickness?.how === 'refuse-streams') exchange.refuse();
    else if (!exchange.isSick && !this.#isDeniedByGoaway(exchange)) answerEarly(exchange, this);
    const goaway = faults.takeGoaway(this.#requests);
    if (goaway !== undefined && !this.#isEnded) this.goaway(goaway);
    state.changed();
  }

  #onData(exchange: ProviderExchange, chunk: Buffer): void {
    if (exchange.isSettled) return;
    exchange.addBody(chunk);
    if (exchange.bodyBytes <= MAX_BODY_BYTES) return;
    exchange.reject(rejection('PayloadTooLarge'));
    exchange.stream.close();
  }

  #process(exchange: ProviderExchange): void {
    exchange.isWhole = true;
    const { latencyMs } = this.context.faults.active;
    if (this.#held !== undefined) this.#held.push(exchange);
    else if (latencyMs > 0) this.after(latencyMs, () => this.#answer(exchange));
    else this.#answer(exchange);
  }

  #answer(exchange: ProviderExchange): void {
    const { limits, state } = this.context;
    if (this.#isDeniedByGoaway(exchange)) {
      if (this.#deniedByGoaway.push(exchange) === 1)
        this.after(limits.drainTimeoutMs, () => this.#respondToUndenied());
      return;
    }
    this.#respond(exchange);
    state.changed();
  }

  /** Whether a later GOAWAY will deny it. Its effect must not depend on how chunks and ticks divide the requests. */
  #isDeniedByGoaway({ id }: ProviderExchange): boolean {
    return id > this.context.faults.deniedAbove(this.#requests);
  }

  /** Responds to requests that GOAWAY did not deny, or that waited for GOAWAY until the timeout. */
  #respondToUndenied(): void {
    const undenied = this.#deniedByGoaway.filter(({ isSettled }) => !isSettled);
    this.#deniedByGoaway = [];
    for (const exchange of undenied) this.#respond(exchange);
  }

  /** Responds to a complete request, as far as the fault of this connection allows. */
  #respond(exchange: ProviderExchange): void {
    if (exchange.isSick && this.#sickness !== undefined) respondSick(this.#sickness.how, exchange, this);
    else processRequest(exchange, this);
  }

  /** Whether the connection is already sick for the request that was just counted. */
  #isSick(): boolean {
    if (this.#sickness === undefined || this.#requests <= this.#sickness.healthyRequests) return false;
    if (this.#sickness.how === 'no-window') this.wire.keepWindow();
    return true;
  }

  #onStreamClose(exchange: ProviderExchange): void {
    if (!exchange.isSettled && !exchange.isWhole) exchange.discard();
    if (exchange.isSettled) {
      this.#exchanges.delete(exchange.id);
      this.#endIfDrained();
    }
    this.context.state.changed();
  }

  /** Accepts no stream above the last one from now on; returns the ids that GOAWAY must name. */
  #denyStreams({ lastStreams }: Goaway): readonly number[] {
    return lastStreams.map((last) => {
      const wanted = last === 'all' ? this.#highestStream : last === 'none' ? 0 : last;
      const lastStreamId = Math.max(wanted, this.#highestAnswered);
      this.#lastStream = Math.min(this.#lastStream, lastStreamId);
      return lastStreamId;
    });
  }

  #sayGoaway({ errorCode, debugData: kind, reason = 'Shutdown' }: Goaway, ids: readonly number[]): void {
    const text = kind === 'json' ? JSON.stringify({ reason }) : kind === 'text' ? GOAWAY_TEXT : '';
    for (const lastStreamId of ids) {
      this.wire.send({ type: 'GOAWAY', lastStreamId, errorCode, debugData: Buffer.from(text) });
      this.context.state.counts.goaways++;
    }
    this.context.state.changed();
  }

  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.after(this.context.limits.drainTimeoutMs, () => this.end({ reset: false }));
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (this.#isDraining && this.#exchanges.size === 0) this.end({ reset: false });
  }

  #wantedLimit(): number {
    const { maxConcurrentStreams } = this.context.faults.active;
    return this.#isAtOneStream ? Math.min(1, maxConcurrentStreams) : maxConcurrentStreams;
  }

  #onIdle(): void {
    if (this.#exchanges.size > 0) this.#idle?.refresh();
    else this.goaway({ ...ORDERLY_GOAWAY, reason: 'IdleTimeout' });
  }

  #onClose(): void {
    this.#isEnded = true;
    this.#clear();
    this.context.state.disconnected(this.tally);
    setImmediate(() => this.#session.destroy());
  }

  #clear(): void {
    clearTimeout(this.#idle);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const exchange of this.#exchanges.values()) exchange.discard();
    this.#exchanges.clear();
    this.context.state.changed();
  }
}

/** An error of a stream or a session closes it, and the `close` event handles that. */
function ignore(): void {}
