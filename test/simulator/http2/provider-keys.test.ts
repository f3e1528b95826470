/** Teams, keys and topics are bound to a connection by its first push: Apple, "Team and bundle ID mapping". */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { REASON_STATUS } from '../../../src/core/reason.js';
import {
  encodeTokenFault,
  mintAuthority,
  mintClientCertificate,
  mintServerCertificate,
  type ProviderKey,
  type Simulator,
} from '../../../src/simulator/index.js';
import { NUMBERED_REASONS } from '../../../src/simulator/rejection.js';
import { bearer, connectHttp2, type Http2Client, type Http2Response } from '../http2-client.js';
import { startSimulator } from '../raw-client.js';

const TOKEN = 'ab'.repeat(32);
const APP = 'com.example.app';

/** A key of the simulator's team unless changed. */
function makeKey(simulatorTeam: string, changes: Partial<ProviderKey> = {}): ProviderKey {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { key: privateKey, keyId: 'FURTHERKEY', teamId: simulatorTeam, ...changes };
}

/** What a push with a provider token of this key gets: a reason, or the status. */
async function push(
  simulator: Simulator,
  client: Http2Client,
  { key, keyId, teamId }: ProviderKey,
  topic = APP,
): Promise<string | number> {
  const authorization = bearer(simulator.credentials, { key, kid: keyId, iss: teamId });
  const response = await client.notify(TOKEN, { authorization, 'apns-topic': topic });
  return response.status === 200 ? 200 : reasonOf(response);
}

function reasonOf({ status, body }: Http2Response): string {
  const { reason } = JSON.parse(body) as { reason: keyof typeof REASON_STATUS };
  expect(status).toBe(REASON_STATUS[reason]);
  return reason;
}

function ownKey({ credentials: { providerKey: key, keyId, teamId } }: Simulator): ProviderKey {
  return { key, keyId, teamId };
}

describe('on one connection', () => {
  it.each<[string, Partial<ProviderKey>, string | number]>([
    ['another team-scoped key of the team is taken', {}, 200],
    ['a key of another team is unrelated', { teamId: 'OTHERTEAM1' }, 'UnrelatedKeyIdInToken'],
    ['a topic-specific key is unrelated', { scope: 'topic' }, 'UnrelatedKeyIdInToken'],
  ])('behind a team-scoped key, %s', async (_, changes, answer) => {
    const simulator = await startSimulator();
    const other = makeKey(simulator.credentials.teamId, changes);
    simulator.http2.setProviderKeys([other]);
    const client = await connectHttp2(simulator);
    expect(await push(simulator, client, ownKey(simulator))).toBe(200);
    expect(await push(simulator, client, other)).toBe(answer);
    expect(await push(simulator, client, ownKey(simulator))).toBe(200);
    expect(await push(simulator, await connectHttp2(simulator), other)).toBe(200);
  });

  it('behind a topic-specific key, only its related key is taken', async () => {
    const simulator = await startSimulator();
    const { teamId } = simulator.credentials;
    const first = makeKey(teamId, { keyId: 'FIRSTKEY01', scope: 'topic', relatedKeyId: 'RELATED001' });
    const related = makeKey(teamId, { keyId: 'RELATED001', scope: 'topic', topics: ['com.example.two'] });
    const unrelated = makeKey(teamId, { keyId: 'STRANGER01', scope: 'topic' });
    simulator.http2.setProviderKeys([first, related, unrelated]);
    const client = await connectHttp2(simulator);
    expect(await push(simulator, client, first)).toBe(200);
    expect(await push(simulator, client, related, 'com.example.two')).toBe(200);
    expect(await push(simulator, client, related, APP)).toBe('TopicDisallowed');
    expect(await push(simulator, client, unrelated)).toBe('UnrelatedKeyIdInToken');
    expect(await push(simulator, client, ownKey(simulator))).toBe('UnrelatedKeyIdInToken');
  });

  it('a key of the other environment is told so', async () => {
    const simulator = await startSimulator();
    const { teamId } = simulator.credentials;
    const sandbox = makeKey(teamId, { keyId: 'SANDBOX001', environment: 'sandbox' });
    const production = makeKey(teamId, { keyId: 'PRODUCTION', environment: 'production' });
    simulator.http2.setProviderKeys([sandbox, production]);
    const client = await connectHttp2(simulator);
    expect(await push(simulator, client, sandbox)).toBe(200);
    expect(await push(simulator, client, production)).toBe('BadEnvironmentKeyIdInToken');
  });

  it('a topic that was added is disallowed, and allowed on a new one', async () => {
    const simulator = await startSimulator();
    const client = await connectHttp2(simulator);
    expect(await push(simulator, client, ownKey(simulator))).toBe(200);
    simulator.http2.setTopics([APP, 'com.example.new']);
    expect(await push(simulator, client, ownKey(simulator), 'com.example.new')).toBe('TopicDisallowed');
    const next = await connectHttp2(simulator);
    expect(await push(simulator, next, ownKey(simulator), 'com.example.new')).toBe(200);
  });

  it('a key that was revoked is invalid at once', async () => {
    const simulator = await startSimulator();
    const other = makeKey(simulator.credentials.teamId);
    simulator.http2.setProviderKeys([other]);
    const client = await connectHttp2(simulator);
    expect(await push(simulator, client, other)).toBe(200);
    simulator.http2.setProviderKeys([]);
    expect(await push(simulator, client, other)).toBe('InvalidProviderToken');
  });

  it('tokens are counted, and on another one they are counted again', async () => {
    const simulator = await startSimulator({ http2: { maxProviderTokens: 1 } });
    const now = Math.floor(Date.now() / 1000);
    const tokens = [0, 60].map((age) => bearer(simulator.credentials, { iat: now - age }));
    const answers: (string | number)[] = [];
    for (let connection = 0; connection < 2; connection++) {
      const client = await connectHttp2(simulator);
      for (const authorization of tokens) {
        const response = await client.notify(TOKEN, { authorization });
        answers.push(response.status === 200 ? 200 : reasonOf(response));
      }
    }
    expect(answers).toEqual([200, 'TooManyProviderTokenUpdates', 200, 'TooManyProviderTokenUpdates']);
  });
});

describe('an environment', () => {
  it('refuses a provider key of the other one', async () => {
    const simulator = await startSimulator({ http2: { environment: 'production' } });
    const sandbox = makeKey(simulator.credentials.teamId, { environment: 'sandbox' });
    simulator.http2.setProviderKeys([sandbox]);
    const client = await connectHttp2(simulator);
    expect(await push(simulator, client, sandbox)).toBe('BadEnvironmentKeyIdInToken');
    expect(await push(simulator, client, ownKey(simulator))).toBe(200);
  });

  it('refuses a certificate of the other one', async () => {
    const authority = mintAuthority();
    const server = mintServerCertificate(authority);
    const { credentials } = await startSimulator();
    const simulator = await startSimulator({
      credentials: { ...credentials, ca: authority.cert, serverCert: server.cert, serverKey: server.key },
      http2: { environment: 'production' },
    });
    const reasons: (string | number)[] = [];
    for (const environment of ['sandbox', 'production'] as const) {
      const certificate = mintClientCertificate(authority, { environments: [environment] });
      const client = await connectHttp2(simulator, { certificate, token: null });
      const response = await client.notify(TOKEN);
      reasons.push(response.status === 200 ? 200 : reasonOf(response));
    }
    expect(reasons).toEqual(['BadCertificateEnvironment', 200]);
  });
});

describe('provider keys', () => {
  it.each<[string, unknown, string]>([
    ['no list', 1, 'APNS_ERR_INVALID_OPTION'],
    ['one with an unknown field', [makeKey('T', { team: 1 } as never)], 'APNS_ERR_INVALID_OPTION'],
    ['one without an id', [makeKey('T', { keyId: undefined as never })], 'APNS_ERR_INVALID_OPTION'],
    ['two of one id', [makeKey('T'), makeKey('T')], 'APNS_ERR_INVALID_OPTION'],
    ['one of no environment', [makeKey('T', { environment: 'test' as never })], 'APNS_ERR_INVALID_OPTION'],
    ['one that is no key', [makeKey('T', { key: 'hunter2' })], 'APNS_ERR_BAD_CREDENTIALS'],
  ])('are refused: %s', async (_, providerKeys, code) => {
    const options = { http2: { providerKeys: providerKeys as ProviderKey[] } };
    const error: Error = await startSimulator(options).then(
      () => expect.unreachable(),
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code });
    expect(error.message).not.toContain('hunter2');
  });

  it('must be of the curve that APNs knows', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 1024,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const providerKeys = [makeKey('T', { key: privateKey })];
    await expect(startSimulator({ http2: { providerKeys } })).rejects.toMatchObject({
      code: 'APNS_ERR_BAD_CREDENTIALS',
    });
  });
});

describe('a reason', () => {
  it('can be asked for by its number, each of them', async () => {
    const simulator = await startSimulator();
    const client = await connectHttp2(simulator);
    const tokens = NUMBERED_REASONS.map((_, number) => encodeTokenFault('reason', number));
    const reasons: string[] = [];
    for (const token of tokens) reasons.push(reasonOf(await client.notify(token)));
    expect(reasons).toEqual(NUMBERED_REASONS);
    const { status, body } = await client.notify(encodeTokenFault('reason', 255));
    expect([status, body]).toEqual([400, '{"reason":"Reason255"}']);
  });

  it('ExpiredToken comes from a device whose token has expired, with its timestamp', async () => {
    const simulator = await startSimulator();
    simulator.devices.expire(TOKEN, 1_700_000_000);
    const client = await connectHttp2(simulator);
    const { status, body } = await client.notify(TOKEN);
    expect([status, body]).toEqual([410, '{"reason":"ExpiredToken","timestamp":1700000000000}']);
    expect(simulator.devices.feedbackCount).toBe(1);
    simulator.devices.unregister(TOKEN, 1_700_000_000);
    expect(reasonOf(await client.notify(TOKEN))).toBe('Unregistered');
    simulator.devices.register(TOKEN);
    expect((await client.notify(TOKEN)).status).toBe(200);
  });
});
