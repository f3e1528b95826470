import { describe, expect, it } from 'vitest';
import type { Notification } from '../../../src/core/notification.js';
import { RequestPreparer } from '../../../src/engine/http2/pending-notification.js';
import { createNdjsonParser } from '../../../src/index.js';
import { FrameSlab } from '../../../src/protocol/binary/frame-slab.js';
import { compactAdvice } from '../../../src/protocol/json/compact-advice.js';
import { lintNotification } from '../../../src/rules/rules.js';

/** As Python's json.dumps writes text that is no ASCII. */
const escaped = (count: number): string => `{"aps": {"alert": "${'\\u00e9'.repeat(count)}"}}`;
const compact = (count: number): number => Buffer.byteLength(`{"aps":{"alert":"${'é'.repeat(count)}"}}`);

describe('compactAdvice', () => {
  it('names the size without escapes, where that is enough', () => {
    const advice = compactAdvice(escaped(1000), 4096);
    expect(advice).toContain(`UTF-8 in place of its \\u escapes it would have ${compact(1000)} bytes `);
    expect(advice).toContain('ensure_ascii=False');
    expect(compactAdvice(Buffer.from(escaped(1000)), 4096)).toBe(advice);
  });

  it('names the size without white space', () => {
    expect(compactAdvice(`{"a":${' '.repeat(5000)}1}`, 4096)).toContain(
      'without its white space it would have 7 bytes ',
    );
  });

  it.each([
    ['would still be too large', escaped(4096)],
    ['is no JSON', `{${'\\u00e9'.repeat(1000)}`],
    ['is longer than a rewrite could help', `{"a":${' '.repeat(8 * 4096)}1}`],
    ['is an object', { aps: { alert: 'é'.repeat(5000) } }],
  ])('is silent where the payload %s', (_what, payload) => {
    expect(compactAdvice(payload, 4096)).toBe('');
  });

  it('takes the limit itself', () => {
    expect(compactAdvice(escaped(1000), compact(1000))).not.toBe('');
    expect(compactAdvice(escaped(1000), compact(1000) - 1)).toBe('');
  });
});

describe("Python's escapes in a payload that is too large", () => {
  const notification = (): Promise<Notification> =>
    new Promise((resolve) => {
      const parser = createNdjsonParser({ payload: 'raw' });
      parser.on('data', resolve);
      parser.end(`{"deviceToken":"aabb","topic":"t","pushType":"alert","payload":${escaped(1000)}}\n`);
    });

  it('are named over HTTP/2, the binary wire and by lint', async () => {
    const given = await notification();
    const http2 = new RequestPreparer({ auth: 'token', defaultTopic: undefined });
    expect(() => http2.prepare(given, 0)).toThrow('ensure_ascii=False');
    const slab = new FrameSlab({ command: 2, identify: () => 1, maxPayloadBytes: 4096 });
    expect(() => slab.append(given)).toThrow('ensure_ascii=False');
    const findings = lintNotification(given, { auth: 'token', defaultTopic: undefined });
    expect(findings.find(({ rule }) => rule === 'payload-size')?.message).toContain('ensure_ascii=False');
  });
});
