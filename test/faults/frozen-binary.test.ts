/** A client of a binary gateway that stood still while the gateway went on. The gateway is this process. */
import { describe, expect, test, vi } from 'vitest';
import { until } from '../support/frames.js';
import { type GatewayPeer, startScriptedGateway } from '../support/scripted-gateway.js';
import { type FrozenClient, startFrozenClient } from './frozen-client.js';

/** A gateway that does not answer the checkpoints of its first connection until it is told to. */
async function startHoldingGateway() {
  const held: { answer(): void }[] = [];
  const gateway = await startScriptedGateway({
    onCheckpoint(peer, { identifier }) {
      if (peer.index === 0) held.push({ answer: () => peer.answer(2, identifier!) });
      else peer.answer(2, identifier!);
    },
  });
  return { gateway, held };
}

function settled(client: FrozenClient, count: number): Promise<void> {
  const total = (): number => Object.values(client.outcomes()).reduce((sum, n) => sum + n, 0);
  return vi.waitFor(() => expect(total()).toBe(count), { timeout: 25_000, interval: 20 });
}

describe('the binary wire', () => {
  test('accepts what was answered while the process was frozen for 5 s with a deadline of 2 s', async () => {
    const { gateway, held } = await startHoldingGateway();
    const options = { ...gateway.options, timeoutMs: 2000, window: { ageMs: 200 } };
    const client = await startFrozenClient('binary', options);
    await until(() => held.length === 1);
    const frozen = client.freeze(5000);
    held[0]!.answer();
    await frozen;
    await settled(client, 21);
    expect(client.outcomes()).toEqual({ 'before accepted': 20, 'after accepted': 1 });
  });

  test('accepts what was answered while the event loop was blocked beyond pingTimeoutMs', async () => {
    const { gateway, held } = await startHoldingGateway();
    const options = { ...gateway.options, pingTimeoutMs: 1000, window: { ageMs: 200 } };
    const client = await startFrozenClient('binary', options);
    await until(() => held.length === 1);
    client.block(2500);
    await until(() => client.count('blocked') === 1);
    held[0]!.answer();
    await settled(client, 21);
    expect(client.outcomes()).toEqual({ 'before accepted': 20, 'after accepted': 1 });
  });

  test('writes nothing to a connection that was closed while the process was frozen', async () => {
    const peers: GatewayPeer[] = [];
    const gateway = await startScriptedGateway({ onConnection: (peer) => peers.push(peer) });
    const client = await startFrozenClient('binary', { ...gateway.options, window: { ageMs: 1200 } });
    await until(() => peers[0]?.frames.length === 20);
    const frozen = client.freeze(3000);
    peers[0]!.close();
    await frozen;
    await settled(client, 21);
    expect(client.outcomes()).toEqual({ 'before unknown ConnectionLost': 20, 'after accepted': 1 });
  });

  test('writes nothing to an idle connection that was closed while the process was frozen', async () => {
    const gateway = await startScriptedGateway();
    const options = { ...gateway.options, window: { ageMs: 10 }, checkpoint: 'never' };
    const client = await startFrozenClient('binary', options);
    await settled(client, 20);
    const frozen = client.freeze(3000);
    gateway.peers[0]!.close();
    await frozen;
    await settled(client, 21);
    expect(client.outcomes()).toEqual({ 'before presumed': 20, 'after presumed': 1 });
    expect(gateway.identifiers().map(({ length }) => length)).toEqual([20, 1]);
  });

  // The event loop is blocked in an I/O callback, so that its timers run, and write, before it reads a socket again.
  test.each([
    [
      'with frames',
      { window: { ageMs: 1200 } },
      { 'before unknown ConnectionLost': 20, 'after accepted': 1 },
    ],
    [
      'that is idle',
      { window: { ageMs: 10 }, checkpoint: 'never' },
      { 'before presumed': 20, 'after presumed': 1 },
    ],
  ])(
    'writes nothing to a connection %s that was closed while the event loop was blocked',
    async (_name, options, outcomes) => {
      const gateway = await startScriptedGateway();
      const client = await startFrozenClient('binary', { ...gateway.options, ...options });
      await until(() => gateway.peers[0]?.frames.length === 20);
      if ('checkpoint' in options) await settled(client, 20);
      client.block(3000);
      await until(() => client.count('blocked') === 1);
      gateway.peers[0]!.close();
      await settled(client, 21);
      expect(client.outcomes()).toEqual(outcomes);
    },
  );

  test('still times out what is not answered, in the time that the process ran', async () => {
    const { gateway, held } = await startHoldingGateway();
    const options = { ...gateway.options, timeoutMs: 2000, window: { ageMs: 200 } };
    const client = await startFrozenClient('binary', options, '--quiet');
    await until(() => held.length === 1);
    await client.freeze(3000);
    await settled(client, 20);
    const reasons = Object.keys(client.outcomes());
    expect(reasons.every((it) => /^before unknown (Timeout|DeadlineExceeded)$/.test(it))).toBe(true);
  });
});
