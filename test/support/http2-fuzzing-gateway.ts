/**
 * A plan for an HTTP/2 gateway that misbehaves, and the gateway that follows it: valid and broken frames in
 * any order, in answer to real requests. What it has said is kept, so that outcomes can be held against it.
 */
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { encodeFrame } from '../../src/protocol/http2/frame.js';
import type { Http2Settings } from '../../src/protocol/http2/settings.js';
import {
  dataFrame,
  type RawPeer,
  type RawRequest,
  type RawScript,
  settingsFrame,
} from './http2-raw-gateway.js';
import { afterTurns } from './unruly-gateway.js';

const settings: fc.Arbitrary<Http2Settings> = fc.record(
  {
    maxConcurrentStreams: fc.constantFrom(0, 1, 2, 7, 100, 2 ** 32 - 1),
    initialWindowSize: fc.constantFrom(0, 1, 10, 65_535, 2 ** 30),
    headerTableSize: fc.constantFrom(0, 64, 4096, 65_536),
    maxFrameSize: fc.constantFrom(16_384, 2 ** 24 - 1),
  },
  { requiredKeys: [] },
);

const frameBytes = fc.record({
  code: fc.integer({ min: 0, max: 12 }),
  flags: fc.integer({ min: 0, max: 255 }),
  streamId: fc.oneof(fc.constant(-1), fc.nat(20), fc.constant(2 ** 31 - 1)),
  payload: fc.uint8Array({ maxLength: 40 }),
});

/** What is done about one request. */
const action = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('accept' as const), turns: fc.constantFrom(0, 0, 1, 5) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('reject' as const),
      status: fc.constantFrom(400, 403, 404, 410),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('put off' as const),
      status: fc.constantFrom(429, 500, 503),
      retryAfter: fc.constantFrom(undefined, '0', '3600', 'soon'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refuse' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reset' as const), code: fc.nat(15) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ignore' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('goaway' as const), back: fc.nat(6), code: fc.nat(13) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settings' as const), settings }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('close' as const, 'cut' as const, 'stall' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('half an answer' as const), status: fc.constantFrom(200, 400) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('malformed' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('garbage' as const),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 60 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('frame' as const), frame: frameBytes }) },
);

export const gatewayPlan = fc.record({
  /** One for each connection; those after the last are served well. */
  connections: fc.array(
    fc.record({
      start: fc.oneof(
        { weight: 10, arbitrary: fc.constant('serve' as const) },
        fc.constantFrom(
          'close' as const,
          'cut' as const,
          'goaway' as const,
          'silence' as const,
          'garbage' as const,
        ),
      ),
      settings,
      /** How much of a stream's window is given back at a time, where it starts small. */
      increment: fc.constantFrom(7, 300, 5000),
    }),
    { maxLength: 5 },
  ),
  /** One for each request that arrives, on whichever connection; those after the last are accepted. */
  actions: fc.array(action, { maxLength: 40 }),
});

export type GatewayPlan = typeof gatewayPlan extends fc.Arbitrary<infer T> ? T : never;

type Action = GatewayPlan['actions'][number];

const ENDS_REQUEST: ReadonlySet<Action['kind']> = new Set([
  'reject',
  'put off',
  'refuse',
  'reset',
  'malformed',
]);

/** Follows a plan. */
export class FuzzingGateway implements RawScript {
  /** Device tokens that were answered 200, as often as they were. */
  readonly accepted: string[] = [];
  /** Those that may have been, by bytes that nobody chose. */
  readonly perhaps = new Set<string>();
  readonly rejected = new Set<string>();
  readonly seen = new Set<string>();
  readonly peers: RawPeer[] = [];
  /** A request has begun to arrive. */
  onArrival: () => void = () => {};
  readonly #plan: GatewayPlan;
  #actions = 0;
  /** Requests that must not be answered any more. */
  readonly #over = new Set<RawRequest>();

  constructor(plan: GatewayPlan) {
    this.#plan = plan;
  }

  get violations(): string[] {
    return this.peers.flatMap(({ violations }) => violations);
  }

  onConnection(peer: RawPeer): void {
    const plan = this.#plan.connections[this.peers.push(peer) - 1];
    switch (plan?.start) {
      case 'close':
        // Not inside the handshake: OpenSSL may then lose the bytes that came with its end.
        setImmediate(() => peer.socket.end());
        return;
      case 'cut':
        peer.raw.resetAndDestroy();
        return;
      case 'goaway':
        peer.goaway(0, 0);
        return;
      case 'silence':
        return;
      case 'garbage':
        peer.write('HTTP/2 200 OK\r\n\r\n');
        return;
    }
    peer.send(settingsFrame(plan?.settings ?? {}));
    // What allows nothing is taken back in time.
    if (plan?.settings.maxConcurrentStreams === 0)
      void afterTurns(10).then(() => peer.send(settingsFrame({ maxConcurrentStreams: 3 })));
  }

  onHeaders(peer: RawPeer, request: RawRequest): void {
    this.seen.add(request.deviceToken);
    this.onArrival();
    const { increment } = this.#plan.connections[this.peers.indexOf(peer)] ?? { increment: 1000 };
    void this.#give(peer, request, increment);
  }

  onRequest(peer: RawPeer, request: RawRequest): void {
    const action: Action = this.#plan.actions[this.#actions++] ?? { kind: 'accept', turns: 0 };
    void this.#act(peer, request, action);
  }

  /** Grows the window of a stream until its body is there. */
  async #give(peer: RawPeer, request: RawRequest, increment: number): Promise<void> {
    while (!request.isComplete && !request.isReset && peer.socket.writable) {
      peer.send({ type: 'WINDOW_UPDATE', streamId: request.streamId, increment });
      await turn();
    }
  }

  async #act(peer: RawPeer, request: RawRequest, action: Action): Promise<void> {
    const { streamId, deviceToken, body } = request;
    // After its goodbye it does nothing more.
    if (!peer.socket.writable) return;
    peer.send({ type: 'WINDOW_UPDATE', streamId: 0, increment: body.length });
    if (ENDS_REQUEST.has(action.kind)) this.#over.add(request);
    switch (action.kind) {
      case 'accept':
        await afterTurns(action.turns);
        return this.#accept(peer, request);
      case 'reject':
        this.rejected.add(deviceToken);
        return peer.respond(request, action.status, '{"reason":"BadDeviceToken"}');
      case 'put off':
        this.rejected.add(deviceToken);
        return peer.respond(request, action.status, '{"reason":"TooManyRequests"}', [
          ...(action.retryAfter === undefined ? [] : ([['retry-after', action.retryAfter]] as const)),
        ]);
      case 'refuse':
        return peer.reset(streamId, 7);
      case 'reset':
        return peer.reset(streamId, action.code);
      case 'ignore':
        return;
      case 'goaway': {
        const last = Math.max(0, streamId - 2 * action.back);
        for (const it of peer.requests) if (it.streamId > last) this.#over.add(it);
        peer.goaway(last, action.code);
        for (const it of peer.requests) this.#accept(peer, it);
        peer.socket.end();
        return;
      }
      case 'settings':
        peer.send(settingsFrame(action.settings));
        return this.#accept(peer, request);
      case 'close':
        peer.socket.end();
        return;
      case 'cut':
        peer.raw.resetAndDestroy();
        return;
      case 'stall':
        peer.socket.pause();
        await afterTurns(20);
        peer.socket.resume();
        return this.#accept(peer, request);
      case 'half an answer':
        if (action.status === 200) this.#note(request);
        else this.rejected.add(deviceToken);
        this.#over.add(request);
        peer.send(peer.headers(streamId, [[':status', `${action.status}`]], false));
        peer.send(dataFrame(streamId, Buffer.from('{'), false));
        return;
      case 'malformed':
        return peer.send(
          peer.headers(streamId, [
            ['date', 'now'],
            [':status', '200'],
          ]),
        );
      case 'garbage':
        this.#doubt(peer);
        peer.write(Buffer.from(action.bytes));
        peer.socket.end();
        return;
      case 'frame': {
        this.#doubt(peer);
        const { frame } = action;
        const at = frame.streamId < 0 ? streamId : frame.streamId;
        peer.write(
          encodeFrame({ type: 'UNKNOWN', ...frame, streamId: at, payload: Buffer.from(frame.payload) }),
        );
        return;
      }
    }
  }

  #accept(peer: RawPeer, request: RawRequest): void {
    if (!request.isComplete || this.#over.has(request) || !peer.socket.writable) return;
    this.#note(request);
    peer.respond(request, 200);
  }

  #note(request: RawRequest): void {
    if (!this.#over.has(request)) this.accepted.push(request.deviceToken);
    this.#over.add(request);
  }

  /** Whatever is in flight may be answered by chance, and what is allowed is anybody's guess. */
  #doubt(peer: RawPeer): void {
    peer.isTrusted = false;
    for (const { deviceToken } of peer.requests) this.perhaps.add(deviceToken);
  }
}
