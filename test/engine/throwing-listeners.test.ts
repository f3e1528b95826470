/** What a listener throws is its author's to hear of: no sink may take it for something the gateway did. */
import type { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBinarySink } from '../../src/sinks/binary-sink.js';
import { createHttp2Sink } from '../../src/sinks/http2-sink.js';
import { closed, frames } from '../support/frames.js';
import { startRawGateway } from '../support/http2-raw-gateway.js';
import { notifications } from '../support/http2-sending.js';
import { startScriptedGateway } from '../support/scripted-gateway.js';

let thrown: unknown[] = [];

beforeEach(() => {
  thrown = [];
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error));
});

afterEach(() => process.setUncaughtExceptionCaptureCallback(null));

/** Writes everything; the callback of the third chunk throws. */
async function writeAndThrow(sink: Writable, chunks: readonly unknown[], error: Error): Promise<void> {
  for (const [i, chunk] of chunks.entries()) {
    sink.write(chunk, () => {
      if (i === 2) throw error;
    });
  }
  sink.end();
  await closed(sink);
}

test('is thrown where a gateway has just proved a frame', async () => {
  const gateway = await startScriptedGateway();
  const sink = createBinarySink({ ...gateway.options, window: { count: 2 } });
  const error = new Error('of a listener');
  await writeAndThrow(sink, frames(6), error);
  expect(thrown).toEqual([error]);
  expect(sink.counts.accepted).toBe(6);
});

test('is thrown where an HTTP/2 connection has just been left', async () => {
  const gateway = await startRawGateway({
    onRequest(peer, request) {
      peer.goaway(request.streamId);
      peer.respond(request, 200);
    },
  });
  const sink = createHttp2Sink({ ...gateway.options, window: { count: 1 } });
  const error = new Error('of a listener');
  await writeAndThrow(sink, notifications(6), error);
  expect(thrown).toEqual([error]);
  expect(sink.counts.accepted).toBe(6);
});
