import { expect, it } from 'vitest';
import { connectRaw, fromHex, startSimulator } from '../raw-client.js';

/** The preface, and SETTINGS that set nothing. */
const OPENING = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  fromHex('000000 04 00 00000000'),
]);

/** Type, flags, last stream id and error code; the length is left out, because debug data may follow. */
const GOAWAY = `07${'0'.repeat(18)}`;

/** Resolves with the bytes that came before the end of the connection. */
async function sendInPieces(pieces: readonly Buffer[]): Promise<{ bytes: Buffer; ended: boolean }> {
  const simulator = await startSimulator();
  const { socket, closed, chunks } = await connectRaw(
    simulator.http2,
    { ca: simulator.credentials.ca },
    { ALPNProtocols: ['h2'] },
  );
  socket.once('end', () => socket.end());
  socket.write(OPENING);
  while (chunks.length === 0) await new Promise((resolve) => socket.once('data', resolve));
  for (const piece of pieces) {
    socket.write(piece);
    if (piece !== pieces.at(-1)) await new Promise((resolve) => setImmediate(resolve));
  }
  const { bytes, ended } = await closed;
  await simulator.waitFor(({ openConnections }) => openConnections === 0);
  return { bytes, ended };
}

const BAD_FRAMES: [string, string, string][] = [
  ['DATA on stream 0', '000004 00 00 00000000 01020304', '00000001'],
  ['PING of seven bytes', '000007 06 00 00000000 01020304050607', '00000006'],
  ['SETTINGS of five bytes', '000005 04 00 00000000 0000000282', '00000006'],
];

// node:http2 closes after its GOAWAY only if the frame came whole; on Node 20 it does not even then.
it.each(BAD_FRAMES)('a connection error is answered with GOAWAY and closed: %s', async (_, hex, code) => {
  const { bytes, ended } = await sendInPieces([fromHex(hex)]);
  expect(bytes.toString('hex')).toContain(GOAWAY + code);
  expect(ended).toBe(true);
});

it.each(BAD_FRAMES)('a connection error in two TLS records is closed as well: %s', async (_, hex, code) => {
  const frame = fromHex(hex);
  const { bytes, ended } = await sendInPieces([frame.subarray(0, 9), frame.subarray(9)]);
  expect(bytes.toString('hex')).toContain(GOAWAY + code);
  expect(ended).toBe(true);
});

it('accepts another connection after one broke', async () => {
  const simulator = await startSimulator({ limits: { maxConnections: 1 } });
  for (let times = 0; times < 3; times++) {
    const { socket, closed } = await connectRaw(
      simulator.http2,
      { ca: simulator.credentials.ca },
      { ALPNProtocols: ['h2'] },
    );
    socket.once('end', () => socket.end());
    socket.write(OPENING);
    socket.write(fromHex(BAD_FRAMES[0]![1]));
    expect((await closed).ended).toBe(true);
    await simulator.waitFor(({ openConnections }) => openConnections === 0);
  }
});
