/** Planted secrets, and a look at everything that can be printed of a value. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { format, inspect } from 'node:util';
import { expect } from 'vitest';
import type { Notification } from '../../src/core/notification.js';
import { mintClientCertificate } from '../../src/simulator/pki/certificates.js';
import { authority } from './loopback.js';

function mark(what: string): string {
  return `planted-${what}-${randomBytes(6).toString('hex')}`;
}

/** What must never be seen, and what it is planted in. */
export class Secrets {
  readonly passphrase: string = mark('passphrase');
  readonly proxyPassword: string = mark('proxy');
  readonly comment: string = mark('comment');
  /** A device token that starts with 8 digits of no significance. */
  readonly deviceToken: string = `5ec4e700${randomBytes(28).toString('hex')}`;
  readonly certificate: { readonly cert: string; readonly key: string };
  /** The key of {@link certificate} and of nothing else, encrypted with the passphrase. */
  readonly encryptedKey: string;
  readonly providerKey: string;
  /** Further texts, such as provider tokens that were seen on the wire. */
  readonly seen: Set<string> = new Set<string>();

  constructor() {
    const { cert, key } = mintClientCertificate(authority);
    this.certificate = { cert, key: `${this.comment}\n${key}` };
    this.encryptedKey = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: {
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-256-cbc',
        passphrase: this.passphrase,
      },
    }).privateKey;
    this.providerKey = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    }).privateKey;
  }

  /** A key with a hole in it. */
  get garbledKey(): string {
    return this.certificate.key.replace(/(KEY-----\n.{20})./, `$1\n${this.comment}\n`);
  }

  get providerToken(): { readonly key: string; readonly keyId: string; readonly teamId: string } {
    return { key: this.providerKey, keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ' };
  }

  get notification(): Notification {
    return { deviceToken: this.deviceToken, payload: { aps: { alert: 'hi' } }, topic: 'com.example.app' };
  }

  /** Notes the value of an `authorization` header. */
  noteAuthorization(value: string | undefined): void {
    if (value === undefined) return;
    const [header, claims, signature] = value.replace(/^bearer /, '').split('.');
    this.seen.add(`${header}.${claims}`).add(signature!);
  }

  /** What must appear nowhere, by what it is. */
  get #forbidden(): (readonly [what: string, text: string])[] {
    const keys = [this.certificate.key, this.encryptedKey, this.providerKey];
    return [
      ['the passphrase', this.passphrase],
      ['the proxy password', this.proxyPassword],
      ['the proxy credentials', Buffer.from(`user:${this.proxyPassword}`).toString('base64')],
      ['the comment in a key', this.comment],
      ...keys.flatMap((key) =>
        [...key.matchAll(/^[A-Za-z0-9+/=]{40,64}$/gm)].map(([line]): [string, string] => ['a key', line]),
      ),
      ...[...this.seen].map((text): [string, string] => ['a provider token', text]),
    ];
  }

  /** Fails if text holds a secret, or more than 8 digits of the device token. */
  expectNoneIn(text: string, where: string, tokensMay: 'appear' | 'not appear' = 'not appear'): void {
    for (const [what, secret] of this.#forbidden) {
      if (text.includes(secret)) expect.fail(`${what} is in ${where}: ${excerpt(text, secret)}`);
    }
    if (tokensMay === 'appear') return;
    const start = this.deviceToken.slice(0, 9);
    if (text.toLowerCase().includes(start))
      expect.fail(`a device token is in ${where}: ${excerpt(text, start)}`);
  }

  /** Looks at a value in every way that a log may. */
  expectNoneShown(value: unknown, name: string): void {
    for (const [way, text] of everyPrint(value)) this.expectNoneIn(text, `${way} of ${name}`);
  }
}

function excerpt(text: string, secret: string): string {
  const at = text.toLowerCase().indexOf(secret.toLowerCase());
  return text.slice(Math.max(0, at - 60), at + secret.length + 20);
}

function* everyPrint(value: unknown): Generator<readonly [way: string, text: string]> {
  yield ['util.inspect', inspect(value)];
  yield [
    'util.inspect with all',
    inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: null }),
  ];
  yield ['util.format', format('%s %o %O %j', value, value, value, value)];
  yield ['JSON.stringify', JSON.stringify(value) ?? ''];
  for (let error = value; error instanceof Error; error = error.cause) {
    yield ['message', error.message];
    yield ['stack', String(error.stack)];
    yield ['JSON.stringify of a copy', JSON.stringify({ ...error })];
    for (const key of Reflect.ownKeys(error)) {
      const own: unknown = Reflect.get(error, key);
      yield [
        `own property ${String(key)}`,
        typeof own === 'string' ? own : inspect(own, { depth: Infinity }),
      ];
    }
  }
}
