/** A client that stood still, frozen or with a blocked event loop, while its peer went on. The peer is this process. */
import { describe, expect, test, vi } from 'vitest';
import { until } from '../support/frames.js';
import { type RawRequest, startRawGateway } from '../support/http2-raw-gateway.js';
import { type FrozenClient, startFrozenClient } from './frozen-client.js';

/** A gateway that holds its responses back until it is told to give them. */
async function startHoldingGateway() {
  const held: { answer(): void }[] = [];
  let isHolding = true;
  const gateway = await startRawGateway({
    onRequest(peer, request: RawRequest) {
      if (isHolding) held.push({ answer: () => peer.respond(request, 200) });
      else peer.respond(request, 200);
    },
  });
  return {
    gateway,
    held,
    answerAll() {
      isHolding = false;
      for (const { answer } of held.splice(0)) answer();
    },
  };
}

function settled(client: FrozenClient, count: number): Promise<void> {
  const total = (): number => Object.values(client.outcomes()).reduce((sum, n) => sum + n, 0);
  return vi.waitFor(() => expect(total()).toBe(count), { timeout: 25_000, interval: 20 });
}

describe('HTTP/2', () => {
  test('accepts what was answered while the process was frozen for 5 s with a deadline of 2 s', async () => {
    const { gateway, held, answerAll } = await startHoldingGateway();
    const client = await startFrozenClient('http2', { ...gateway.options, timeoutMs: 2000 });
    await until(() => held.length === 20);
    const frozen = client.freeze(5000);
    answerAll();
    await frozen;
    await settled(client, 21);
    expect(client.outcomes()).toEqual({ 'before accepted': 20, 'after accepted': 1 });
  });

  test('accepts what was answered while the event loop was blocked beyond the deadline', async () => {
    const { gateway, held, answerAll } = await startHoldingGateway();
    const client = await startFrozenClient('http2', { ...gateway.options, timeoutMs: 1500 });
    await until(() => held.length === 20);
    client.block(2500);
    await until(() => client.count('blocked') === 1);
    answerAll();
    await settled(client, 21);
    expect(client.outcomes()).toEqual({ 'before accepted': 20, 'after accepted': 1 });
  });

  test('writes nothing to an idle connection that was closed while the event loop was blocked', async () => {
    const gateway = await startRawGateway();
    const client = await startFrozenClient('http2', gateway.options);
    await settled(client, 20);
    client.block(2500);
    await until(() => client.count('blocked') === 1);
    gateway.peers[0]!.socket.end();
    await settled(client, 21);
    expect(client.outcomes()).toEqual({ 'before accepted': 20, 'after accepted': 1 });
  });

  // No alarm of the engine is due within these two seconds, so only the pause itself can tell.
  test('writes nothing to a connection that was closed while the process was frozen for 2 s', async () => {
    const { gateway, held, answerAll } = await startHoldingGateway();
    const client = await startFrozenClient('http2', gateway.options);
    await until(() => held.length === 20);
    answerAll();
    await settled(client, 20);
    const frozen = client.freeze(2000);
    gateway.peers[0]!.socket.destroy();
    await frozen;
    await settled(client, 21);
    expect(client.outcomes()).toEqual({ 'before accepted': 20, 'after accepted': 1 });
  });

  test('still times out what is not answered, in the time that the process ran', async () => {
    const { gateway, held } = await startHoldingGateway();
    const client = await startFrozenClient('http2', { ...gateway.options, timeoutMs: 2000 }, '--quiet');
    await until(() => held.length === 20);
    await client.freeze(3000);
    await settled(client, 20);
    expect(client.outcomes()).toEqual({ 'before unknown DeadlineExceeded': 20 });
  });
});
