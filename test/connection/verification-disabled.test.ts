/** NODE_TLS_REJECT_UNAUTHORIZED=0, before a program starts and while it runs: nothing is dialled any more. */
import { once } from 'node:events';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { createChannelManager } from '../../src/channels/channel-manager.js';
import { dial } from '../../src/connection/dial.js';
import { resolveTarget } from '../../src/connection/target.js';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { createHttp2Sink } from '../../src/sinks/http2-sink.js';
import { createFeedbackSource } from '../../src/sources/feedback-source.js';
import { CONSUMER_NAMES, CONSUMERS, GIVEN } from '../support/consumers.js';
import { frames } from '../support/frames.js';
import { startRawGateway } from '../support/http2-raw-gateway.js';
import { notifications, tokenOf } from '../support/http2-sending.js';
import { authority, listen, listenTls } from '../support/loopback.js';
import { startScriptedGateway } from '../support/scripted-gateway.js';

const CODE = 'APNS_ERR_VERIFICATION_DISABLED';
const disable = (): void => void vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');

afterEach(() => void vi.unstubAllEnvs());

it.each(CONSUMER_NAMES)('a %s dials neither the gateway nor a proxy', async (name) => {
  const connections = vi.fn();
  const port = await listen(connections);
  disable();
  for (const proxy of [undefined, `http://127.0.0.1:${port}`]) {
    const options = { host: '127.0.0.1', port, ...(proxy === undefined ? {} : { proxy }) };
    const { code, outcomes } = await CONSUMERS[name](options);
    expect(code).toBe(CODE);
    if (name !== 'feedback source')
      expect(outcomes).toEqual(Array(GIVEN).fill('unsent VerificationDisabled'));
  }
  expect(connections).not.toHaveBeenCalled();
});

it('a channel manager does not either', async () => {
  const connections = vi.fn();
  const port = await listen(connections);
  disable();
  const manager = createChannelManager({ host: '127.0.0.1', port, topic: 'com.example.app' });
  await expect(manager.list()).rejects.toMatchObject({ code: CODE });
  await manager.close();
  expect(connections).not.toHaveBeenCalled();
});

it('set while a proxy makes the tunnel, keeps TLS from being begun, and closes the tunnel', async () => {
  const heard: Buffer[] = [];
  let closed: Promise<unknown> | undefined;
  const port = await listen((socket) => {
    closed = once(socket, 'close');
    socket.on('data', (chunk) => {
      heard.push(chunk);
      disable();
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
    });
  });
  const proxy = { host: '127.0.0.1', port };
  const target = resolveTarget({ host: 'gateway.example', proxy }, 'gateway');
  await expect(dial(target)).rejects.toMatchObject({ code: CODE });
  await closed;
  expect(String(Buffer.concat(heard))).toMatch(/^CONNECT [^\r]+\r\nHost: [^\r]+\r\n\r\n$/);
});

it('set while a binary sink runs, lets what is connected come to its end, and makes no new connection', async () => {
  const gateway = await startScriptedGateway({
    onFrame(peer, { identifier = 0 }) {
      disable();
      peer.answer(8, identifier);
    },
  });
  const sink = createBinarySink(gateway.options);
  const reading = sink.outcomes.toArray();
  const failed = once(sink, 'error');
  sink.write(Buffer.concat(frames(3)));
  expect((await failed)[0]).toMatchObject({ code: CODE });
  expect((await reading).map(({ status, reason }) => `${status} ${reason}`)).toEqual([
    'rejected InvalidToken',
    'unsent VerificationDisabled',
    'unsent VerificationDisabled',
  ]);
  expect(gateway.peers).toHaveLength(1);
});

it('set while an HTTP/2 sink runs, does the same there', async () => {
  const gateway = await startRawGateway({
    settings: { maxConcurrentStreams: 2 },
    onRequest(peer, request) {
      disable();
      peer.respond(request, 200);
      peer.goaway(1);
    },
  });
  const sink = createHttp2Sink(gateway.options);
  const reading = sink.outcomes.toArray();
  const failed = once(sink, 'error');
  for (const notification of notifications(3)) sink.write(notification);
  expect((await failed)[0]).toMatchObject({ code: CODE });
  const outcomes = new Map(
    (await reading).map(({ deviceToken, status, reason = '' }) => [deviceToken, `${status} ${reason}`]),
  );
  expect(outcomes.get(tokenOf(0))).toBe('accepted ');
  expect(outcomes.get(tokenOf(2))).toBe('unsent VerificationDisabled');
  expect(outcomes.size).toBe(3);
  expect(gateway.peers).toHaveLength(1);
});

it('set while a feedback source polls, ends it', async () => {
  const port = await listenTls((socket) => {
    disable();
    socket.end();
  });
  const source = createFeedbackSource({
    host: '127.0.0.1',
    port,
    tls: { ca: authority.cert },
    intervalMs: 1,
  });
  onTestFinished(() => void source.destroy());
  const [error] = await once(source.resume(), 'error');
  expect(error).toMatchObject({ code: CODE });
});
