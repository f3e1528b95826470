import { describe, expect, it } from 'vitest';
import { checkHost } from '../../src/connection/host.js';

/** As long as names may be: 253 characters. */
const LONGEST = `${'x'.repeat(63)}.`.repeat(3) + 'x'.repeat(61);

describe('checkHost', () => {
  it.each([LONGEST, 'x'.repeat(63), 'gateway.example.', '127.0.0.1', '::1'])('takes %s', (host) => {
    expect(checkHost('host', host)).toBe(host);
  });

  it('takes the brackets off an IPv6 address', () => {
    expect(checkHost('host', '[2001:db8::1]')).toBe('2001:db8::1');
  });

  it.each<[string, unknown]>([
    ['a name of 254 characters', `${LONGEST}x`],
    ['a part of 64 characters', `${'x'.repeat(64)}.example`],
    ['text before the brackets', 'x[::1]'],
    ['text behind the brackets', '[::1]x'],
    ['an address in an array', ['127.0.0.1']],
    ['a number', 2195],
  ])('refuses %s', (_what, host) => {
    expect(() => checkHost('proxy.host', host)).toThrow(
      expect.objectContaining({
        code: 'APNS_ERR_INVALID_OPTION',
        message: expect.stringMatching(/^proxy\.host /),
      }),
    );
  });
});
