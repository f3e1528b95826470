/** The HTTP/2 sender by itself, with a gateway of frames, and a time, a chance and a provider token that the test knows. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ProviderToken, TokenRefresh } from '../../../src/connection/provider-token.js';
import { ApnsError } from '../../../src/core/errors.js';
import type { Outcome } from '../../../src/core/outcome.js';
import { EngineClock } from '../../../src/engine/engine-clock.js';
import { Http2Connection } from '../../../src/engine/http2/connection.js';
import { type Http2Options, resolveHttp2Options } from '../../../src/engine/http2/options.js';
import { Http2Pool } from '../../../src/engine/http2/pool.js';
import { Http2Sender } from '../../../src/engine/http2/sender.js';
import { Http2ErrorCode } from '../../../src/protocol/http2/error-code.js';
import { until } from '../../support/frames.js';
import {
  type Fields,
  type RawGateway,
  type RawScript,
  startRawGateway,
} from '../../support/http2-raw-gateway.js';
import { notifications, statuses, tokenOf } from '../../support/http2-sending.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

interface Setup {
  readonly sender: Http2Sender;
  readonly gateway: RawGateway;
  /** `room`, `fail APNS_ERR_…`, `end` or `end APNS_ERR_…`. */
  readonly events: string[];
  /** Whether the sender takes each of so many notifications. */
  send(count: number, fields?: object): boolean[];
  end(): void;
  /** Waits until so many are settled, and returns what became of each, in the order of settlement. */
  settled(count: number): Promise<Outcome[]>;
}

async function createSender(
  options: Partial<Http2Options> = {},
  script: RawScript = {},
  providerToken?: Partial<ProviderToken>,
): Promise<Setup> {
  const gateway = await startRawGateway(script);
  const resolved = resolveHttp2Options({ ...gateway.options, backoff: { initialMs: 1 }, ...options });
  const events: string[] = [];
  const noteEnd = (name: string, error?: ApnsError): void => {
    events.push(error === undefined ? name : `${name} ${error.code}`);
  };
  const sender = new Http2Sender(
    { ...resolved, providerToken: providerToken as ProviderToken | undefined },
    { onRoom: () => events.push('room'), onFail: (error) => noteEnd('fail', error) },
  );
  onTestFinished(() => sender.destroy('Aborted'));
  let given = 0;
  sender.outcomes.startReading(() => {});
  return {
    sender,
    gateway,
    events,
    send: (count, fields = {}) =>
      Array.from({ length: count }, () =>
        sender.send({ ...notifications(1)[0]!, deviceToken: tokenOf(given++), ...fields }),
      ),
    end: () => sender.end((error) => noteEnd('end', error)),
    async settled(count) {
      await until(() => sender.outcomes.unread >= count);
      return Array.from({ length: count }, () => sender.outcomes.shift()!);
    },
  };
}

function brief(outcomes: readonly Outcome[]): string[] {
  return statuses({ outcomes, counts: {} as never, error: undefined });
}

/** Time that passes when the test says so, in steps which no engine takes for a frozen process. */
function manualTime(): (ms: number) => Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  return async (ms) => {
    for (let left = ms; left > 0; left -= 400) {
      vi.advanceTimersByTime(Math.min(400, left));
      for (let i = 0; i < 8; i++) await turn();
    }
  };
}

async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

describe('the window', () => {
  it('is full with as many notifications as its count, settled ones that are not read included', async () => {
    const { sender, send, settled, events } = await createSender({ window: { count: 3 } });
    expect(send(4)).toEqual([true, true, true, false]);
    await until(() => sender.outcomes.unread === 3);
    expect(send(1)).toEqual([false]);
    expect(brief(await settled(2))).toEqual(['accepted', 'accepted']);
    events.length = 0;
    sender.onRead();
    expect(events).toEqual(['room']);
    expect(send(3)).toEqual([true, true, false]);
  });

  it('is full with as many bytes as it may hold, settled notifications that are not read included', async () => {
    const { sender, send } = await createSender({ window: { bytes: 30 } });
    const fields = { payload: '{"aps":{}}' };
    expect(send(4, fields)).toEqual([true, true, true, false]);
    await until(() => sender.outcomes.unread === 3);
    expect(send(1, fields)).toEqual([false]);
    sender.outcomes.shift();
    expect(send(2, fields)).toEqual([true, false]);
  });

  it('takes 1024 notifications before there is a connection, and no more', async () => {
    const { send } = await createSender({}, { onConnection: () => {} });
    expect(send(1025).lastIndexOf(true)).toBe(1023);
  });
});

describe('the end', () => {
  it('of a sender that was given nothing is at once', async () => {
    const { end, events, gateway, send } = await createSender();
    end();
    expect(events).toEqual(['end']);
    expect(gateway.peers).toEqual([]);
    expect(send(1)).toEqual([false]);
  });

  it('comes when everything is settled and every connection is closed, and offers no room', async () => {
    const { end, events, gateway, send, settled } = await createSender();
    send(2);
    events.length = 0;
    end();
    await until(() => events.length > 0);
    expect(events).toEqual(['end']);
    expect(brief(await settled(2))).toEqual(['accepted', 'accepted']);
    await gateway.closed();
    expect(gateway.peers[0]!.farewells).toEqual([Http2ErrorCode.NO_ERROR]);
  });

  it('by destroy() settles at once what was not written, and then what was, with the first reason', async () => {
    const { sender, send, settled, events, gateway } = await createSender(
      { connections: 1 },
      { settings: { maxConcurrentStreams: 1 }, onRequest: () => {} },
    );
    send(2);
    await until(() => gateway.requests.length === 1);
    events.length = 0;
    sender.destroy('Stopped');
    sender.destroy('Later');
    expect(brief(await settled(2))).toEqual(['unsent Stopped', 'unknown Aborted']);
    expect(send(1)).toEqual([false]);
    sender.onRead();
    await gateway.closed();
    expect(events).toEqual([]);
  });

  it.each(['destroy', 'give up'] as const)(
    'settles what waits for a retry, with the result of its attempt: %s',
    async (how) => {
      manualTime();
      const { sender, send, settled } = await createSender(
        {},
        { onRequest: (peer, request) => peer.respond(request, 429, '{"reason":"TooManyRequests"}') },
      );
      const responses = vi.spyOn(sender, 'onResponse');
      send(1);
      await until(() => responses.mock.calls.length === 1);
      expect(sender.outcomes.unread).toBe(0);
      if (how === 'destroy') sender.destroy('Stopped');
      else sender.onGiveUp(new ApnsError('APNS_ERR_CREDENTIALS_REFUSED', 'refused'));
      expect(brief(await settled(1))).toEqual(['rejected TooManyRequests']);
      expect(sender.outcomes.unread).toBe(0);
    },
  );

  it('by destroy() while it connects leaves no connection behind', async () => {
    const { sender, send, settled, gateway } = await createSender();
    send(1);
    sender.destroy('Stopped');
    expect(brief(await settled(1))).toEqual(['unsent Stopped']);
    await gateway.closed();
    await turns();
    expect(gateway.requests).toEqual([]);
  });
});

describe('refused credentials', () => {
  const refuse: RawScript = {
    onRequest: (peer, request) => peer.respond(request, 403, '{"reason":"BadCertificate"}'),
  };

  it('end the sending where nothing was accepted before, and what waits gets the reason', async () => {
    const { send, settled, events } = await createSender(
      {},
      { ...refuse, settings: { maxConcurrentStreams: 1 } },
    );
    send(3);
    expect(brief(await settled(3))).toEqual([
      'rejected BadCertificate',
      'unsent CredentialsRefused',
      'unsent CredentialsRefused',
    ]);
    await until(() => events.some((event) => event.startsWith('fail')));
    expect(events.filter((event) => event !== 'room')).toEqual(['fail APNS_ERR_CREDENTIALS_REFUSED']);
    expect(send(1)).toEqual([false]);
  });

  it('are given to the callback of the end where the end was asked for', async () => {
    const { send, settled, events, end } = await createSender({}, refuse);
    send(1);
    end();
    await settled(1);
    await until(() => events.some((event) => event.startsWith('end')));
    expect(events.filter((event) => event !== 'room')).toEqual(['end APNS_ERR_CREDENTIALS_REFUSED']);
  });

  it('are no reason to stop once a notification was accepted', async () => {
    const { send, settled, events, end } = await createSender(
      {},
      {
        onRequest: (peer, request) => {
          if (peer.requests.length === 1) peer.respond(request, 200);
          else peer.respond(request, 403, '{"reason":"BadCertificate"}');
        },
      },
    );
    send(1);
    expect(brief(await settled(1))).toEqual(['accepted']);
    send(1);
    expect(brief(await settled(1))).toEqual(['rejected BadCertificate']);
    end();
    await until(() => events.includes('end'));
  });
});

describe('a provider token', () => {
  /** A token whose refresh does what the test says. */
  function fakeToken(refreshed: TokenRefresh) {
    const token = {
      made: 1,
      asked: 0,
      refused: [] as string[],
      dates: [] as number[],
      authorization: () => {
        token.asked++;
        return `bearer ${token.made}`;
      },
      refresh: (value: string) => {
        token.refused.push(value);
        if (refreshed !== 'kept') token.made++;
        return refreshed;
      },
      noteServerDate: (ms: number) => void token.dates.push(ms),
    };
    return token;
  }

  /** Answers each attempt with a token of this number with `reason`, and others with 200. */
  function refusing(
    reason: string,
    refused: readonly string[] = ['bearer 1'],
    fields: Fields = [],
  ): RawScript {
    return {
      onRequest: (peer, request) => {
        const { authorization } = request.headers;
        if (refused.includes(authorization!)) peer.respond(request, 403, `{"reason":"${reason}"}`, fields);
        else peer.respond(request, 200);
      },
    };
  }
  const authorizations = ({ gateway }: Setup) =>
    gateway.requests.map(({ headers }) => headers['authorization']);

  it('is asked for once for all that is written in a turn', async () => {
    const token = fakeToken('kept');
    const setup = await createSender({}, {}, token as never);
    setup.send(50);
    expect(brief(await setup.settled(50))).toEqual(Array(50).fill('accepted'));
    expect(authorizations(setup)).toEqual(Array(50).fill('bearer 1'));
    expect(token.asked).toBeLessThanOrEqual(2);
  });

  it.each(['ExpiredProviderToken', 'InvalidProviderToken'])(
    'that is replaced after %s is sent on the same connection, once',
    async (reason) => {
      const token = fakeToken('replaced');
      const setup = await createSender({}, refusing(reason), token as never);
      setup.send(1);
      expect(await setup.settled(1)).toMatchObject([{ status: 'accepted', attempts: 2 }]);
      expect(authorizations(setup)).toEqual(['bearer 1', 'bearer 2']);
      expect(token.refused).toEqual(['bearer 1']);
      expect([setup.gateway.peers.length, setup.sender.counts.resent]).toEqual([1, 1]);
    },
  );

  it('that is refused again after it was replaced is not replaced once more', async () => {
    const token = fakeToken('replaced');
    const setup = await createSender(
      {},
      refusing('ExpiredProviderToken', ['bearer 1', 'bearer 2']),
      token as never,
    );
    setup.send(1);
    expect(brief(await setup.settled(1))).toEqual(['rejected ExpiredProviderToken']);
    expect(token.refused).toEqual(['bearer 1']);
  });

  it('that is reissued is sent on another connection', async () => {
    const token = fakeToken('reissued');
    const setup = await createSender({}, refusing('InvalidProviderToken'), token as never);
    setup.send(1);
    expect(brief(await setup.settled(1))).toEqual(['accepted']);
    expect(setup.gateway.peers.map((peer) => peer.requests.length)).toEqual([1, 1]);
  });

  it('that must be kept is sent once more if it is called expired, and not if it is called invalid', async () => {
    for (const [reason, attempts] of [
      ['ExpiredProviderToken', 2],
      ['InvalidProviderToken', 1],
    ] as const) {
      const setup = await createSender({}, refusing(reason), fakeToken('kept') as never);
      setup.send(1);
      expect(brief(await setup.settled(1))).toEqual([`rejected ${reason}`]);
      expect(setup.gateway.requests).toHaveLength(attempts);
    }
  });

  it('learns the date of a rejection, and not that of an acceptance or a date that is none', async () => {
    const token = fakeToken('kept');
    const dates = ['Wed, 01 Jan 2020 00:00:00 GMT', 'Wed, 01 Jan 2020 00:00:01 GMT', 'yesterday', undefined];
    const setup = await createSender(
      {},
      {
        onRequest: (peer, request) => {
          const date = dates[peer.requests.length - 1];
          const fields: Fields = date === undefined ? [] : [['date', date]];
          if (peer.requests.length === 1) peer.respond(request, 200, undefined, fields);
          else peer.respond(request, 400, '{"reason":"BadDeviceToken"}', fields);
        },
      },
      token as never,
    );
    for (let i = 0; i < 4; i++) {
      setup.send(1);
      await setup.settled(1);
    }
    expect(token.dates).toEqual([Date.UTC(2020, 0, 1, 0, 0, 1)]);
  });
});

describe('a retry', () => {
  /** Answers the first `times` requests like this, and then with 200. */
  function first(times: number, answer: RawScript['onRequest']): RawScript {
    let requests = 0;
    return {
      onRequest: (peer, request) => {
        if (requests++ < times) answer!(peer, request);
        else peer.respond(request, 200);
      },
    };
  }

  it('of a refused stream follows at once twice, and then after a delay that doubles', async () => {
    const advance = manualTime();
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const { gateway, send, settled } = await createSender(
      {},
      first(4, (peer, { streamId }) => peer.reset(streamId, Http2ErrorCode.REFUSED_STREAM)),
    );
    send(1);
    await until(() => gateway.requests.length === 3);
    await turns();
    await advance(7);
    expect(gateway.requests).toHaveLength(3);
    await advance(1);
    await until(() => gateway.requests.length === 4);
    await advance(15);
    expect(gateway.requests).toHaveLength(4);
    await advance(1);
    expect(await settled(1)).toMatchObject([{ status: 'accepted', attempts: 5 }]);
  });

  it('of 429 follows after a share of 200 ms, doubled with each attempt, and a millisecond', async () => {
    const advance = manualTime();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const { gateway, send, settled } = await createSender(
      {},
      first(2, (peer, request) => peer.respond(request, 429, '{"reason":"TooManyRequests"}')),
    );
    send(1);
    for (const [requests, delayMs] of [
      [1, 101],
      [2, 201],
    ] as const) {
      await until(() => gateway.requests.length === requests);
      await turns();
      await advance(delayMs - 1);
      expect(gateway.requests).toHaveLength(requests);
      await advance(1);
    }
    expect(await settled(1)).toMatchObject([{ status: 'accepted', attempts: 3 }]);
  });

  it('waits for retry-after, by the clock of the server or by this one', async () => {
    for (const [retryAfter, date, ms] of [
      ['120', undefined, 120_000],
      ['Wed, 01 Jan 2020 00:02:00 GMT', 'Wed, 01 Jan 2020 00:00:00 GMT', 120_000],
      [new Date(Date.now() + 300_000).toUTCString(), undefined, 300_000],
      [new Date(Date.now() + 300_000).toUTCString(), 'yesterday', 300_000],
    ] as const) {
      const fields: Fields = [
        ['retry-after', retryAfter],
        ...(date === undefined ? [] : ([['date', date]] as const)),
      ];
      const { send, settled } = await createSender(
        { timeoutMs: 60_000 },
        first(1, (peer, request) => peer.respond(request, 503, '{"reason":"Shutdown"}', fields)),
      );
      send(1);
      const [outcome] = await settled(1);
      expect(outcome).toMatchObject({ status: 'rejected', statusCode: 503, reason: 'Shutdown' });
      expect(outcome!.retryAfterMs).toBeGreaterThan(ms - 5000);
      expect(outcome!.retryAfterMs).toBeLessThanOrEqual(ms);
    }
  });

  it('that would come at the very deadline is made, and a later one is not', async () => {
    for (const [timeoutMs, requests] of [
      [102, 2],
      [100, 1],
    ] as const) {
      const advance = manualTime();
      vi.spyOn(Math, 'random').mockReturnValue(0.5);
      const { gateway, send, settled } = await createSender(
        { timeoutMs },
        first(1, (peer, request) => peer.respond(request, 429, '{"reason":"TooManyRequests"}')),
      );
      send(1);
      await until(() => gateway.requests.length === 1);
      await turns();
      await advance(101);
      await settled(1);
      expect(gateway.requests).toHaveLength(requests);
      vi.useRealTimers();
    }
  });

  it('follows on another connection after TooManyProviderTokenUpdates', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { gateway, send, settled } = await createSender(
      {},
      first(1, (peer, request) => peer.respond(request, 429, '{"reason":"TooManyProviderTokenUpdates"}')),
    );
    send(1);
    expect(brief(await settled(1))).toEqual(['accepted']);
    expect(gateway.peers.map((peer) => peer.requests.length)).toEqual([1, 1]);
  });
});

describe('the deadline', () => {
  it.each([
    ['waits for a connection', 'unsent', { onConnection: () => {} }],
    ['was written', 'unknown', { onRequest: () => {} }],
  ] as [string, string, RawScript][])(
    'settles what %s at its very millisecond as %s',
    async (_what, status, script) => {
      const advance = manualTime();
      const { gateway, send, settled, sender, events } = await createSender({ timeoutMs: 1000 }, script);
      send(2);
      await until(() => gateway.peers.length === 1);
      if (status === 'unknown') await until(() => gateway.requests.length === 2);
      await advance(400);
      send(1);
      await turns();
      await advance(599);
      expect(sender.outcomes.unread).toBe(0);
      events.length = 0;
      await advance(1);
      expect(sender.outcomes.unread).toBe(2);
      expect(events).toContain('room');
      await advance(399);
      expect(sender.outcomes.unread).toBe(2);
      await advance(1);
      expect(brief(await settled(3))).toEqual(Array(3).fill(`${status} DeadlineExceeded`));
    },
  );

  it('makes unsent what was written in part', async () => {
    const advance = manualTime();
    const { gateway, send, settled } = await createSender(
      { timeoutMs: 1000 },
      { settings: { initialWindowSize: 3 }, onRequest: () => {} },
    );
    send(1);
    await until(() => gateway.requests.length === 1);
    await advance(1000);
    expect(brief(await settled(1))).toEqual(['unsent DeadlineExceeded']);
  });
});

describe('what was lost', () => {
  const losing: RawScript = {
    onRequest: (peer, request) => {
      if (peer.index === 0) peer.socket.end();
      else peer.respond(request, 400, '{"reason":"BadDeviceToken"}');
    },
  };

  it('is unknown, and not written again', async () => {
    const { send, settled, gateway, sender } = await createSender({}, losing);
    send(1);
    expect(brief(await settled(1))).toEqual(['unknown ConnectionLost']);
    await turns();
    expect([gateway.requests.length, sender.counts.resent]).toEqual([1, 0]);
  });

  it('is written again with onUnknown: resend, and stays unknown where that is rejected', async () => {
    const { send, settled, gateway, sender } = await createSender({ onUnknown: 'resend' }, losing);
    send(1);
    expect(brief(await settled(1))).toEqual(['unknown ConnectionLost']);
    expect([gateway.requests.length, sender.counts.resent]).toEqual([2, 1]);
  });

  it('is accepted where the second attempt is', async () => {
    const { send, settled } = await createSender(
      { onUnknown: 'resend' },
      {
        onRequest: (peer, request) => {
          if (peer.index === 0) peer.socket.end();
          else peer.respond(request, 200);
        },
      },
    );
    send(1);
    expect(brief(await settled(1))).toEqual(['accepted']);
  });

  it('is written before what is fresh, in the order in which it was taken', async () => {
    const { send, settled, gateway } = await createSender(
      { onUnknown: 'resend' },
      {
        settings: { maxConcurrentStreams: 2 },
        onRequest: (peer, request) => {
          if (peer.index > 0) peer.respond(request, 200);
          else if (peer.requests.length === 2) peer.socket.end();
        },
      },
    );
    send(4);
    await settled(4);
    const tokens = gateway.peers[1]!.requests.map(({ deviceToken }) => deviceToken);
    expect(tokens).toEqual([0, 1, 2, 3].map(tokenOf));
  });
});

describe('an answer', () => {
  /** The statuses of the answers after which the pool trusted the connection. */
  it.each([
    [200, true],
    [400, true],
    [429, true],
    [500, false],
    [503, false],
  ])('of %i is a reason to trust its connection: %s', async (status, isReason) => {
    const trust = vi.spyOn(Http2Pool.prototype, 'trust');
    const { send, gateway, sender } = await createSender(
      { timeoutMs: 60_000 },
      {
        onRequest: (peer, request) =>
          peer.respond(request, status, status === 200 ? undefined : '{}', [['retry-after', '3600']]),
      },
    );
    send(1);
    await until(() => gateway.requests.length === 1 && sender.outcomes.unread === 1);
    expect(trust.mock.calls).toEqual(isReason ? [[expect.any(Http2Connection)]] : []);
  });

  it('of 400 to the first notification ends nothing', async () => {
    const { send, settled, events } = await createSender(
      {},
      { onRequest: (peer, request) => peer.respond(request, 400, '{"reason":"BadDeviceToken"}') },
    );
    send(1);
    await settled(1);
    await turns();
    expect(events.filter((event) => event !== 'room')).toEqual([]);
    expect(send(1)).toEqual([true]);
  });

  it('gives the outcome its unique id, and its request id to broadcasts only', async () => {
    const fields: Fields = [
      ['apns-unique-id', 'unique'],
      ['apns-request-id', 'trace-me'],
    ];
    const { send, settled } = await createSender(
      {},
      { onRequest: (peer, request) => peer.respond(request, 200, undefined, fields) },
    );
    const apnsId = '01234567-89ab-cdef-0123-456789abcdef';
    send(1, { apnsId });
    expect(await settled(1)).toMatchObject([{ status: 'accepted', apnsId, apnsUniqueId: 'unique' }]);
  });

  it('that came in part before the deadline still counts', async () => {
    const advance = manualTime();
    const { gateway, send, sender, settled } = await createSender(
      { timeoutMs: 1000 },
      { onRequest: (peer, { streamId }) => peer.send(peer.headers(streamId, [[':status', '400']], false)) },
    );
    send(1);
    await until(() => gateway.requests.length === 1);
    await turns();
    await advance(1000);
    expect(brief(await settled(1))).toEqual(['rejected Unknown']);
    expect([sender.outcomes.unread, sender.counts.rejected, sender.counts.unknown]).toEqual([0, 1, 0]);
  });

  it('that refuses a provider token of somebody who uses a certificate is a rejection', async () => {
    const { send, settled, gateway } = await createSender(
      {},
      { onRequest: (peer, request) => peer.respond(request, 403, '{"reason":"ExpiredProviderToken"}') },
    );
    send(1);
    expect(brief(await settled(1))).toEqual(['rejected ExpiredProviderToken']);
    expect(gateway.requests).toHaveLength(1);
  });
});

describe('a notification', () => {
  it('has the rules of a provider token, or those of a certificate', async () => {
    const token = { authorization: () => 'bearer 1' };
    const byToken = await createSender({}, {}, token);
    expect(() => byToken.send(1, { topic: undefined })).toThrow(expect.objectContaining({ field: 'topic' }));
    const byCertificate = await createSender();
    expect(byCertificate.send(1, { topic: undefined })).toEqual([true]);
    expect(brief(await byCertificate.settled(1))).toEqual(['accepted']);
    const location = { pushType: 'location', topic: 'com.example.app.location-query' };
    expect(byToken.send(1, location)).toEqual([true]);
    expect(() => byCertificate.send(1, location)).toThrow(expect.objectContaining({ field: 'pushType' }));
  });

  it('that is refused after the sending has failed is unsent', async () => {
    const { send, settled } = await createSender(
      {},
      {
        onRequest: (peer, request) => {
          if (peer.requests.length < 2) return;
          peer.respond(peer.requests[0]!, 403, '{"reason":"BadCertificate"}');
          peer.reset(request.streamId, Http2ErrorCode.REFUSED_STREAM);
        },
      },
    );
    send(2);
    expect(brief(await settled(2))).toEqual(['rejected BadCertificate', 'unsent CredentialsRefused']);
  });

  it('that an earlier attempt left unknown stays so where the next one is to be retried too late', async () => {
    const { send, settled } = await createSender(
      { onUnknown: 'resend', timeoutMs: 60_000 },
      {
        onRequest: (peer, request) => {
          if (peer.index === 0) peer.socket.end();
          else peer.respond(request, 503, '{"reason":"Shutdown"}', [['retry-after', '3600']]);
        },
      },
    );
    send(1);
    expect(brief(await settled(1))).toEqual(['unknown ConnectionLost']);
  });

  it('that waits to be written again at its deadline is never written again', async () => {
    const advance = manualTime();
    const { gateway, send, settled, sender } = await createSender(
      { timeoutMs: 1000, onUnknown: 'resend' },
      {
        onRequest: (peer, request) => {
          if (peer.index > 0) peer.respond(request, 200);
          else if (peer.requests.length === 2) peer.socket.end();
        },
      },
    );
    send(2);
    await until(() => gateway.peers.length === 1);
    const grow = vi.spyOn(Http2Pool.prototype, 'grow').mockImplementation(() => {});
    await until(() => gateway.requests.length === 2);
    await turns();
    await advance(400);
    send(1);
    await turns();
    await advance(600);
    expect(brief(await settled(2))).toEqual(Array(2).fill('unknown ConnectionLost'));
    grow.mockRestore();
    sender.onReady();
    expect(await settled(1)).toMatchObject([{ status: 'accepted', deviceToken: tokenOf(2) }]);
    expect(gateway.peers[1]!.requests.map(({ deviceToken }) => deviceToken)).toEqual([tokenOf(2)]);
  });

  it.each([0, 1])(
    'whose retry is due later does not delay one whose retry is due earlier (%i)',
    async (later) => {
      const advance = manualTime();
      const { gateway, send } = await createSender(
        {},
        {
          onRequest: (peer, request) => {
            const isLater = Number.parseInt(request.deviceToken, 16) === later;
            peer.respond(request, 503, '{"reason":"Shutdown"}', [['retry-after', isLater ? '9' : '1']]);
          },
        },
      );
      vi.spyOn(Math, 'random').mockReturnValue(0);
      send(2);
      await until(() => gateway.requests.length === 2);
      await turns();
      await advance(1010);
      expect(gateway.requests.slice(2).map(({ deviceToken }) => deviceToken)).toEqual([tokenOf(1 - later)]);
    },
  );

  it('that is retried after TooManyProviderTokenUpdates waits as any other does', async () => {
    const advance = manualTime();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const { gateway, send } = await createSender(
      {},
      {
        onRequest: (peer, request) => peer.respond(request, 429, '{"reason":"TooManyProviderTokenUpdates"}'),
      },
    );
    send(1);
    await until(() => gateway.requests.length === 1);
    await turns();
    await advance(100);
    expect(gateway.requests).toHaveLength(1);
    await advance(20);
    await until(() => gateway.requests.length === 2);
  });

  it('whose retry is due at its very deadline is settled then, and not before', async () => {
    const advance = manualTime();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const { gateway, send, settled, sender } = await createSender(
      { timeoutMs: 101 },
      { onRequest: (peer, request) => peer.respond(request, 429, '{"reason":"TooManyRequests"}') },
    );
    send(1);
    await until(() => gateway.requests.length === 1);
    await turns();
    await advance(100);
    expect(sender.outcomes.unread).toBe(0);
    await advance(1);
    expect(brief(await settled(1))).toEqual(['rejected TooManyRequests']);
    expect(gateway.requests).toHaveLength(1);
  });

  it('that has waited for a stream is not written when its deadline frees one', async () => {
    const advance = manualTime();
    const { gateway, send, settled } = await createSender(
      { timeoutMs: 1000 },
      { settings: { maxConcurrentStreams: 1 }, onRequest: () => {} },
    );
    send(2);
    await until(() => gateway.requests.length === 1);
    // No other connection, and no word about this one.
    vi.spyOn(Http2Pool.prototype, 'grow').mockImplementation(() => {});
    vi.spyOn(Http2Pool.prototype, 'watch').mockImplementation(() => {});
    await turns();
    await advance(1000);
    expect(brief(await settled(2))).toEqual(['unknown DeadlineExceeded', 'unsent DeadlineExceeded']);
    expect(gateway.requests).toHaveLength(1);
  });
});

describe('the pool', () => {
  it('is asked for another connection while something waits, and only then', async () => {
    const grow = vi.spyOn(Http2Pool.prototype, 'grow').mockImplementation(() => {});
    const { sender, send } = await createSender();
    sender.onRead();
    expect(grow).not.toHaveBeenCalled();
    send(1);
    expect(grow).toHaveBeenCalledTimes(1);
    vi.spyOn(Http2Pool.prototype, 'remove').mockImplementation(() => {});
    sender.onReady();
    sender.onRoom();
    sender.onClose({} as Http2Connection, undefined);
    expect(grow).toHaveBeenCalledTimes(4);
  });

  it('opens nothing more after a failure, after destroy() and after the end', async () => {
    const stop = vi.spyOn(Http2Pool.prototype, 'stop');
    const failed = await createSender();
    failed.sender.onGiveUp(new ApnsError('APNS_ERR_CONNECTION_REFUSED', 'the first'));
    expect(stop).toHaveBeenCalledTimes(1);
    failed.sender.onGiveUp(new ApnsError('APNS_ERR_TIMEOUT', 'another'));
    failed.end();
    expect(failed.events).toEqual(['end APNS_ERR_CONNECTION_REFUSED']);
    stop.mockClear();
    const destroyed = await createSender();
    destroyed.sender.destroy('Stopped');
    expect(stop).toHaveBeenCalledTimes(1);
    stop.mockClear();
    const ended = await createSender();
    ended.end();
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('has lost every connection before the end is told, even where it is asked for amid the answers', async () => {
    const remove = vi.spyOn(Http2Pool.prototype, 'remove');
    const { sender, send } = await createSender();
    let removed: number | undefined;
    sender.outcomes.startReading(() =>
      sender.end(() => {
        removed = remove.mock.calls.length;
      }),
    );
    send(1);
    await until(() => removed !== undefined);
    expect(removed).toBe(1);
  });

  it('watches each connection at every alarm', async () => {
    const advance = manualTime();
    const watch = vi.spyOn(Http2Pool.prototype, 'watch');
    const { gateway, send } = await createSender({}, { onRequest: () => {} });
    send(1);
    await until(() => gateway.requests.length === 1);
    expect(watch).not.toHaveBeenCalled();
    await advance(1000);
    expect(watch).toHaveBeenCalledWith(expect.any(Http2Connection), expect.any(Number));
  });
});

describe('the clock', () => {
  it('is cancelled by destroy() and by the end', async () => {
    const cancel = vi.spyOn(EngineClock.prototype, 'cancel');
    for (const finish of ['destroy', 'end'] as const) {
      const { send, settled, sender, end } = await createSender();
      send(1);
      await settled(1);
      cancel.mockClear();
      if (finish === 'destroy') sender.destroy('Stopped');
      else end();
      expect(cancel).toHaveBeenCalledTimes(1);
    }
  });

  it('is told of each activity whether there are connections, whose sockets are read first after a pause', async () => {
    const advance = manualTime();
    const note = vi.spyOn(EngineClock.prototype, 'noteActivity');
    const { send, settled } = await createSender();
    send(1);
    await settled(1);
    send(1);
    await settled(1);
    expect(note.mock.calls).toEqual([[false], [true]]);
    await advance(1100);
    const write = vi.spyOn(Http2Connection.prototype, 'send');
    send(1);
    expect(write).not.toHaveBeenCalled();
    await settled(1);
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('wakes the sender for the deadline, the next attempt to connect, or to see whether the process was frozen', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const now = Math.ceil(performance.now());
    const wake = vi.spyOn(EngineClock.prototype, 'wakeAt');
    vi.spyOn(Http2Pool.prototype, 'grow').mockImplementation(() => {});
    const dialAt = vi.spyOn(Http2Pool.prototype, 'dialAt', 'get');
    for (const [timeoutMs, nextDial, at] of [
      [60_000, now, now + 500],
      [60_000, now - 50, now + 500],
      [60_000, now + 50, now + 50],
      [200, now, now + 200],
    ] as const) {
      dialAt.mockReturnValue(nextDial);
      const { send } = await createSender({ timeoutMs });
      wake.mockClear();
      send(1);
      expect(wake.mock.calls).toEqual([[at]]);
    }
  });

  it('wakes the sender soon after a notification was written to an idle connection', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const now = Math.ceil(performance.now());
    const wake = vi.spyOn(EngineClock.prototype, 'wakeAt');
    // Nothing waits, so the next attempt to connect is no reason to wake.
    vi.spyOn(Http2Pool.prototype, 'dialAt', 'get').mockReturnValue(now + 7);
    for (const [timeoutMs, at] of [
      [60_000, now + 500],
      [900, now + 300],
    ] as const) {
      const { send, settled, sender } = await createSender({ timeoutMs });
      send(1);
      await settled(1);
      wake.mockClear();
      send(1);
      expect(wake.mock.calls).toEqual([[at]]);
      sender.onReady();
      expect(wake.mock.calls).not.toContainEqual([now + 7]);
      await settled(1);
    }
  });

  it.each([
    [10_000, 0],
    [10_001, 1],
  ])(
    'has every connection verified after the process was frozen for more than 10 s (%i ms)',
    async (ms, times) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const time = { at: 1000 };
      vi.spyOn(performance, 'now').mockImplementation(() => time.at);
      vi.spyOn(Http2Pool.prototype, 'grow').mockImplementation(() => {});
      const verify = vi.spyOn(Http2Pool.prototype, 'verify');
      const { send } = await createSender();
      send(1);
      await turns();
      time.at = 1500 + ms;
      vi.advanceTimersByTime(500);
      await turns();
      expect(verify).toHaveBeenCalledTimes(times);
    },
  );
});
