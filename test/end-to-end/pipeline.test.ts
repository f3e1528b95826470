/** The four parts joined with `pipeline()`, and the simulator in a process of its own. */
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getDefaultHighWaterMark, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { BinaryOptions } from '../../src/engine/binary/options.js';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import { SLAB_BYTES } from '../../src/protocol/binary/frame-slab.js';
import { type BinarySink, createBinarySink } from '../../src/sinks/binary-sink.js';
import { createFrameEncoder } from '../../src/transforms/frame-encoder.js';
import { createNdjsonParser } from '../../src/transforms/ndjson-parser.js';
import { deviceTokens, spread, toNdjson } from './notifications.js';
import { type SimulatorProcess, startSimulator } from './processes.js';

function createSink({ gateway, credentials }: SimulatorProcess, options: Partial<BinaryOptions>): BinarySink {
  const read = (name: string): string => readFileSync(join(credentials, name), 'utf8');
  const tls = { ca: read('ca.pem'), cert: read('client-cert.pem'), key: read('client-key.pem') };
  const { host, port } = gateway;
  return createBinarySink({ host, port, tls, ...options });
}

test.each([
  { afterError: 'drain', connections: 1 },
  { afterError: 'reset', connections: 1 },
  { afterError: 'drain', connections: 4 },
  { afterError: 'reset', connections: 4 },
])(
  'counts 19,980 accepted and 20 rejected ($afterError, $connections at once)',
  async ({ afterError, ...options }) => {
    const tokens = deviceTokens(
      20_000,
      spread(20, 500, 1000, () => ({ name: 'reject', argument: 8 })),
    );
    const folder = mkdtempSync(join(tmpdir(), 'apns-streams-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'notifications.ndjson');
    writeFileSync(file, toNdjson(tokens));
    const simulator = await startSimulator('--after-error', afterError);
    const sink = createSink(simulator, options);
    await pipeline(createReadStream(file), createNdjsonParser(), createFrameEncoder(), sink);
    expect(sink.counts).toMatchObject({ accepted: 19_980, rejected: 20, unsent: 0, unknown: 0, presumed: 0 });
    const recorded = (await simulator.stop()).map(({ deviceToken }) => deviceToken);
    expect(recorded.toSorted()).toEqual(tokens.filter((token) => !token.startsWith('fa17')).toSorted());
  },
);

test('stops the source, and grows no further, when the gateway reads nothing', async () => {
  const simulator = await startSimulator('--stall');
  const abort = new AbortController();
  const windowCount = 2000;
  const [deviceToken, payload] = ['ab'.repeat(32), '{"aps":{}}'];
  const line = `{"deviceToken":"${deviceToken}","payload":${payload}}\n`;
  const frameBytes = encodeFrame({ deviceToken, payload, identifier: 1 }).length;
  let pulled = 0;
  let pulledAt = performance.now();
  const source = new Readable({
    objectMode: false,
    highWaterMark: 0,
    read() {
      pulled++;
      pulledAt = performance.now();
      this.push(line);
    },
  });
  const sink = createSink(simulator, {
    window: { count: windowCount },
    pingTimeoutMs: 60_000,
    signal: abort.signal,
  });
  const stopped = pipeline(source, createNdjsonParser(), createFrameEncoder(), sink).catch((error) => error);
  await expect.poll(() => performance.now() - pulledAt > 500, { timeout: 20_000 }).toBe(true);
  const pulledAtStop = pulled;
  const bytesAtStop = process.memoryUsage().arrayBuffers;
  for (let turn = 0; turn < 2000; turn++) await new Promise(setImmediate);
  expect(pulled).toBe(pulledAtStop);
  expect(process.memoryUsage().arrayBuffers - bytesAtStop).toBeLessThan(1024 * 1024);
  abort.abort();
  expect(await stopped).toMatchObject({ code: 'ABORT_ERR' });
  // Beyond the window: what the parser takes and gives, what the encoder takes and gives, what the sink takes.
  const buffered = 3 * getDefaultHighWaterMark(false) + 2 * SLAB_BYTES;
  const rows = windowCount + 2 * getDefaultHighWaterMark(true) + Math.ceil(buffered / frameBytes);
  expect(pulled).toBeLessThanOrEqual(rows);
  expect(sink.counts).toMatchObject({ accepted: 0, unknown: windowCount });
});
