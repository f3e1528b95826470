/** An HTTP/2 connection and a peer of frames in one process, without sockets: the test moves their clock. */
import type { TLSSocket } from 'node:tls';
import type { EngineClock } from '../../src/engine/engine-clock.js';
import { Http2Connection } from '../../src/engine/http2/connection.js';
import type { LivenessLimits } from '../../src/engine/http2/liveness.js';
import { type PendingNotification, RequestPreparer } from '../../src/engine/http2/pending-notification.js';
import type { Http2Settings } from '../../src/protocol/http2/settings.js';
import { TOKEN } from './frames.js';
import { RawPeer, type RawScript } from './http2-raw-gateway.js';
import { connectInMemory, type MemorySocket } from './memory-socket.js';

/** A connection, its peer, and what the connection has told. */
export interface Http2Pair {
  readonly connection: Http2Connection;
  readonly peer: RawPeer;
  readonly socket: MemorySocket;
  /** `response 1 200`, `unprocessed 3`, `lost 5 Timeout`, `room`, `close` or `close APNS_ERR_…`. */
  readonly events: string[];
  /** The engine time that the connection sees. */
  readonly clock: { at: number; reads: number };
  /** Sends so many notifications; `bytes` is the length of their payload. */
  send(count: number, bytes?: number): PendingNotification[];
  /** Lets both ends read all that was written. */
  settle(): Promise<void>;
  /** The same, and returns the events since the last call. */
  news(): Promise<string[]>;
}

const LIMITS: LivenessLimits = { connectTimeoutMs: 500, pingTimeoutMs: 200, stallMs: 3000 };

/**
 * @param script what the peer does; it answers nothing unless this says so
 * @param onEvent is called within each event
 */
export function createHttp2Pair(
  script: RawScript = {},
  onEvent: (event: string, connection: Http2Connection) => void = () => {},
): Http2Pair {
  const [near, far] = connectInMemory();
  const raw = { setNoDelay: () => {} } as never;
  const peer = new RawPeer(0, far as unknown as TLSSocket, raw, { onRequest: () => {}, ...script });
  const clock = { at: 1000, reads: 0 };
  const events: string[] = [];
  const engineClock = { now: () => clock.at, noteRead: () => clock.reads++ } as unknown as EngineClock;
  const context = {
    peer: { host: 'gateway.example', port: 443 },
    authority: 'gateway.example',
    clock: engineClock,
    limits: LIMITS,
  };
  const note = (event: string): void => {
    events.push(event);
    onEvent(event, connection);
  };
  const connection: Http2Connection = new Http2Connection(near as unknown as TLSSocket, context, {
    onResponse: (_it, { streamId }, { statusCode }) => note(`response ${streamId} ${statusCode}`),
    onUnprocessed: (_it, { streamId }) => note(`unprocessed ${streamId}`),
    onLost: (_it, { streamId }, reason) => note(`lost ${streamId} ${reason}`),
    onRoom: () => note('room'),
    onClose: (_it, cause) => note(cause === undefined ? 'close' : `close ${cause.code}`),
  });
  const preparer = new RequestPreparer({ auth: 'token', defaultTopic: 'com.example.app' });
  const pair: Http2Pair = {
    connection,
    peer,
    socket: near,
    events,
    clock,
    send: (count, bytes = 10) =>
      Array.from({ length: count }, () => {
        const pending = preparer.prepare({ deviceToken: TOKEN, payload: '{}' }, 0);
        const sized = Object.assign(pending, { payload: 'x'.repeat(bytes) }) as PendingNotification;
        connection.send(sized, clock.at);
        return sized;
      }),
    async settle() {
      for (let i = 0; i < 4; i++) await new Promise(setImmediate);
    },
    async news() {
      await pair.settle();
      return events.splice(0).filter((event) => event !== 'room');
    },
  };
  return pair;
}

/** The same, once SETTINGS have come. */
export async function createReadyPair(
  settings: Http2Settings = {},
  script: RawScript = {},
  onEvent?: (event: string, connection: Http2Connection) => void,
): Promise<Http2Pair> {
  const pair = createHttp2Pair({ ...script, settings }, onEvent);
  await pair.news();
  return pair;
}
