import http2 from 'node:http2';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/protocol/binary/frame.js';
import {
  encodeTokenFault,
  type GatewaySickness,
  type Http2Sickness,
  type Simulator,
} from '../../src/simulator/index.js';
import { connectHttp2, type Http2Client } from './http2-client.js';
import { connectRaw, exchange, startSimulator } from './raw-client.js';

const GOOD = 'ab'.repeat(32);

function countsOf(simulator: Simulator, connection: number): object {
  const { requests, accepted, rejected, discarded, refused, sick } = simulator.connections[connection - 1]!;
  return { requests, accepted, rejected, discarded, refused, sick };
}

describe('a sick connection over HTTP/2', () => {
  function start(how: Http2Sickness, connections?: number, healthyRequests?: number): Promise<Simulator> {
    return startSimulator({
      http2: {
        sickConnections: {
          how,
          ...(connections === undefined ? {} : { connections }),
          ...(healthyRequests === undefined ? {} : { healthyRequests }),
        },
      },
    });
  }

  it.each<[Http2Sickness, number, string]>([
    ['internal-error', 500, 'InternalServerError'],
    ['shutdown', 503, 'Shutdown'],
  ])('%s rejects every request with %d %s, and the next connection works', async (how, status, reason) => {
    const simulator = await start(how, 1);
    const sick = await connectHttp2(simulator);
    for (let times = 0; times < 3; times++) {
      expect(await sick.notify(GOOD)).toMatchObject({ status, body: JSON.stringify({ reason }) });
    }
    expect((await (await connectHttp2(simulator)).notify(GOOD)).status).toBe(200);
    expect(countsOf(simulator, 1)).toEqual({
      requests: 3,
      accepted: 0,
      rejected: 3,
      discarded: 0,
      refused: 0,
      sick: how,
    });
    expect(countsOf(simulator, 2)).toMatchObject({ requests: 1, accepted: 1, sick: undefined });
    expect(simulator.counts).toMatchObject({ requests: 4, accepted: 1, rejected: 3 });
  });

  it('refuse-streams refuses every stream with REFUSED_STREAM', async () => {
    const simulator = await start('refuse-streams', 1);
    const sick = await connectHttp2(simulator);
    for (let times = 0; times < 3; times++) {
      expect((await sick.notify(GOOD)).rstCode).toBe(http2.constants.NGHTTP2_REFUSED_STREAM);
    }
    expect(countsOf(simulator, 1)).toMatchObject({ requests: 3, accepted: 0, refused: 3 });
  });

  it('reset-streams resets every stream with INTERNAL_ERROR, and accepts nothing', async () => {
    const simulator = await start('reset-streams', 1);
    const sick = await connectHttp2(simulator);
    for (let times = 0; times < 3; times++) {
      expect(await sick.notify(GOOD)).toMatchObject({
        status: 0,
        rstCode: http2.constants.NGHTTP2_INTERNAL_ERROR,
      });
    }
    expect(countsOf(simulator, 1)).toMatchObject({ requests: 3, accepted: 0, discarded: 3 });
  });

  it('no-response answers PING, and no request', async () => {
    const simulator = await start('no-response');
    const { session, notify } = await connectHttp2(simulator);
    let answers = 0;
    for (let times = 0; times < 3; times++) notify(GOOD).then(() => answers++);
    await simulator.waitFor(({ discarded }) => discarded === 3);
    await new Promise((resolve) => session.ping(resolve));
    expect(answers).toBe(0);
    expect(simulator.counts).toMatchObject({ requests: 3, accepted: 0 });
  });

  it('no-response returns window, so that more than fits into it is read', async () => {
    const simulator = await start('no-response');
    const { notify } = await connectHttp2(simulator);
    for (let times = 0; times < 40; times++) void notify(GOOD, {}, 'x'.repeat(4096));
    await simulator.waitFor(({ discarded }) => discarded === 40);
  });

  it('no-window answers what fits into 65,535 bytes, and the rest never comes', async () => {
    const simulator = await start('no-window', 1);
    const sick = await connectHttp2(simulator);
    const body = 'x'.repeat(4096);
    expect(await statusesOf(sick, 15, body)).toEqual(Array(15).fill(200));
    let answered = false;
    sick.notify(GOOD, {}, body).then(() => (answered = true));
    await simulator.waitFor(({ requests }) => requests === 16);
    // A PING takes no window; its answer comes behind everything that was said before.
    await new Promise((resolve) => sick.session.ping(resolve));
    expect(answered).toBe(false);
    expect(countsOf(simulator, 1)).toMatchObject({ requests: 16, accepted: 15 });
    expect(await statusesOf(await connectHttp2(simulator), 20, body)).toEqual(Array(20).fill(200));
  });

  it('serves healthyRequests first, and stays sick for as long as it is open', async () => {
    const simulator = await start('internal-error', 1, 2);
    const client = await connectHttp2(simulator);
    expect(await statusesOf(client, 2)).toEqual([200, 200]);
    simulator.http2.setFaults({ sickConnections: undefined });
    expect((await client.notify(GOOD)).status).toBe(500);
    expect(simulator.counts).toMatchObject({ accepted: 2, rejected: 1 });
  });

  it('no-window serves healthyRequests first, and then no more than 65,535 bytes', async () => {
    const simulator = await start('no-window', 1, 40);
    const client = await connectHttp2(simulator);
    const body = 'x'.repeat(4096);
    expect(await statusesOf(client, 40, body)).toEqual(Array(40).fill(200));
    for (let times = 0; times < 20; times++) void client.notify(GOOD, {}, body);
    await simulator.waitFor(({ requests }) => requests === 60);
    await new Promise((resolve) => client.session.ping(resolve));
    expect(simulator.counts.accepted).toBeLessThan(60);
  });

  it('is every connection by default', async () => {
    const simulator = await start('internal-error');
    for (let times = 0; times < 3; times++) {
      expect((await (await connectHttp2(simulator)).notify(GOOD)).status).toBe(500);
    }
  });

  it('answers no device token that asks for an early response', async () => {
    const simulator = await start('internal-error');
    expect((await (await connectHttp2(simulator)).notify(encodeTokenFault('earlyResponse'))).status).toBe(
      500,
    );
  });

  it('can be asked for while others are open, which stay as they are', async () => {
    const simulator = await startSimulator();
    const old = await connectHttp2(simulator);
    simulator.http2.setFaults({ sickConnections: { how: 'internal-error', connections: 1 } });
    const sick = await connectHttp2(simulator);
    expect([(await old.notify(GOOD)).status, (await sick.notify(GOOD)).status]).toEqual([200, 500]);
  });

  it('must be sick in a way that exists', async () => {
    const simulator = await startSimulator();
    for (const fault of [{}, { how: 'no-read' }, { how: 'shutdown', connections: -1 }, { who: 1 }, 1]) {
      expect(() => simulator.http2.setFaults({ sickConnections: fault as never })).toThrow(
        expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
      );
    }
  });
});

describe('a sick connection of the gateway', () => {
  function frame(identifier: number, deviceToken = GOOD): Buffer {
    return encodeFrame({ deviceToken, payload: '{}', identifier });
  }

  /** A deliberately invalid frame, which a gateway rejects. */
  const CHECKPOINT = encodeFrame({ deviceToken: '', payload: '', identifier: 9 });

  function start(how: GatewaySickness, healthyRequests = 0): Promise<Simulator> {
    return startSimulator({ gateway: { sickConnections: { how, connections: 1, healthyRequests } } });
  }

  it.each<[GatewaySickness, string]>([
    ['processing-error', '080100000001'],
    ['invalid-token', '080800000001'],
  ])('%s rejects the first frame, and the next connection works', async (how, packet) => {
    const simulator = await start(how);
    const { bytes } = await exchange(
      simulator.gateway,
      simulator.credentials,
      Buffer.concat([frame(1), frame(2)]),
    );
    expect(bytes.toString('hex')).toBe(packet);
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.end(Buffer.concat([frame(1), frame(2)]));
    expect((await closed).bytes.length).toBe(0);
    expect(countsOf(simulator, 1)).toMatchObject({ accepted: 0, rejected: 1, discarded: 1, sick: how });
    expect(countsOf(simulator, 2)).toMatchObject({ accepted: 2, rejected: 0, sick: undefined });
  });

  it('processing-error names a bad frame as well', async () => {
    const simulator = await start('processing-error');
    const { bytes } = await exchange(simulator.gateway, simulator.credentials, CHECKPOINT);
    expect(bytes.toString('hex')).toBe('080100000009');
  });

  it('no-response answers no checkpoint, and accepts nothing', async () => {
    const simulator = await start('no-response');
    const { socket, closed } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.write(Buffer.concat([frame(1), CHECKPOINT, Buffer.from('no frame at all')]));
    await simulator.waitFor(({ discarded }) => discarded === 2);
    socket.end();
    expect((await closed).bytes.length).toBe(0);
    expect(simulator.counts).toMatchObject({ accepted: 0, rejected: 0 });
  });

  it('no-read accepts the connection and reads nothing', async () => {
    const simulator = await start('no-read');
    const { socket } = await connectRaw(simulator.gateway, simulator.credentials);
    // More than every buffer on the way takes.
    expect(socket.write(Buffer.alloc(1 << 24))).toBe(false);
    const next = await connectRaw(simulator.gateway, simulator.credentials);
    next.socket.end(frame(1));
    await next.closed;
    expect(socket.bytesWritten).toBeGreaterThan(0);
    expect(socket.writableLength).toBeGreaterThan(0);
    expect(countsOf(simulator, 1)).toMatchObject({ accepted: 0, rejected: 0, discarded: 0 });
    expect(countsOf(simulator, 2)).toMatchObject({ accepted: 1 });
  });

  it('serves healthyRequests first', async () => {
    const simulator = await start('invalid-token', 2);
    const { bytes } = await exchange(
      simulator.gateway,
      simulator.credentials,
      Buffer.concat([frame(1), frame(2), frame(3), frame(4)]),
    );
    expect(bytes.toString('hex')).toBe('080800000003');
    expect(countsOf(simulator, 1)).toMatchObject({ accepted: 2, rejected: 1, discarded: 1 });
  });

  it('no-read stops behind healthyRequests', async () => {
    const simulator = await start('no-read', 1);
    const { socket } = await connectRaw(simulator.gateway, simulator.credentials);
    socket.write(frame(1));
    await simulator.waitFor(({ accepted }) => accepted === 1);
    socket.write(Buffer.alloc(1 << 24));
    const next = await connectRaw(simulator.gateway, simulator.credentials);
    next.socket.end(frame(2));
    await next.closed;
    expect(socket.writableLength).toBeGreaterThan(0);
    expect(simulator.counts).toMatchObject({ accepted: 2, rejected: 0 });
  });

  it('must be sick in a way that exists', async () => {
    const simulator = await startSimulator();
    expect(() => simulator.gateway.setFaults({ sickConnections: { how: 'no-window' as never } })).toThrow(
      expect.objectContaining({ code: 'APNS_ERR_INVALID_OPTION' }),
    );
  });
});

describe('the counts of each connection', () => {
  it('tell its service, when it was opened, and whether it still is', async () => {
    const simulator = await startSimulator();
    const { socket, closed } = await connectRaw(simulator.feedback, simulator.credentials);
    socket.end();
    await closed;
    await simulator.waitFor(({ openConnections }) => openConnections === 0);
    const { session } = await connectHttp2(simulator);
    expect(simulator.connections).toMatchObject([
      { connection: 1, service: 'feedback', isOpen: false },
      { connection: 2, service: 'http2', isOpen: true },
    ]);
    const [first, second] = simulator.connections.map(({ openedAtMs }) => openedAtMs);
    expect(second).toBeGreaterThan(first!);
    session.destroy();
  });
});

async function statusesOf(client: Http2Client, times: number, body?: string): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: times }, () => client.notify(GOOD, {}, body)));
  return answers.map(({ status }) => status);
}
