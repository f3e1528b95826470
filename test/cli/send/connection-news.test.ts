import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, it, onTestFinished } from 'vitest';
import { run } from '../../../src/cli/run.js';
import { ConnectionNews } from '../../../src/cli/send/connection-news.js';
import { ApnsError } from '../../../src/core/errors.js';
import {
  CONNECTION_CHANNEL,
  type ConnectionEvent,
  publishConnection,
  publishFailure,
} from '../../../src/telemetry/connection-event.js';
import { FakeIo } from '../fake-io.js';

const peer = { host: 'gateway.example', port: 443 };

it('keeps the last failure until a connection is made', () => {
  const news = new ConnectionNews();
  onTestFinished(() => news.dispose());
  expect(news.text).toBeUndefined();
  publishConnection(peer, 'connecting');
  expect(news.text).toBe('connecting to gateway.example:443');
  publishFailure(peer, new ApnsError('APNS_ERR_UNKNOWN_AUTHORITY', 'x: give that authority as tls.ca'));
  publishConnection(peer, 'connecting');
  expect(news.text).toBe('cannot connect, retrying: x: give that authority as --ca');
  publishConnection(peer, 'connected');
  publishConnection(peer, 'connecting');
  expect(news.text).toBeUndefined();
});

it('receives no events after it is disposed', () => {
  const news = new ConnectionNews();
  news.dispose();
  publishConnection(peer, 'connecting');
  expect(news.text).toBeUndefined();
});

it.each([['stderr'], ['stderr', 'stdout']] as const)(
  'shows on a terminal (%s %s) why connecting fails while it is tried again',
  async (...terminals: ('stderr' | 'stdout' | undefined)[]) => {
    const io = new FakeIo({
      stdin: '{"deviceToken":"aa","payload":{}}\n',
      terminals: terminals.filter((name) => name !== undefined),
      columns: 200,
    });
    const onEvent = (message: unknown): void => {
      if ((message as ConnectionEvent).event === 'failed') io.pass(200);
    };
    // Behind the listener of the command, which subscribes later and is called later: so at the second failure.
    subscribe(CONNECTION_CHANNEL, onEvent);
    onTestFinished(() => void unsubscribe(CONNECTION_CHANNEL, onEvent));
    const argv = ['send', '--to', 'binary://127.0.0.1:1', '--connect-attempts', '2', '--outcomes', 'none'];
    expect(await run(argv, io)).toBe(69);
    const drawn = io.err.split('\r\u001b[K');
    expect(drawn.join('\n')).toMatch(
      /^.*1 in flight, cannot connect, retrying: 127\.0\.0\.1:1: .*ECONNREFUSED/m,
    );
  },
);
