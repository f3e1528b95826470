import { describe, expect, it } from 'vitest';
import {
  decodeTokenFault,
  encodeTokenFault,
  TokenFaultCode,
  TokenFaultMemory,
  type TokenFaultName,
} from '../../src/simulator/token-fault.js';

const NAMES = Object.keys(TokenFaultCode) as TokenFaultName[];

describe('token faults', () => {
  it.each<[string, TokenFaultName, number]>([
    ['fa170108', 'reject', 8],
    ['fa170200', 'shutdown', 0],
    ['fa170300', 'shutdownUnnamed', 0],
    ['fa170400', 'close', 0],
    ['fa170500', 'reset', 0],
    ['fa170608', 'rejectReset', 8],
    ['fa170780', 'rejectSplit', 128],
    ['fa170802', 'stall', 2],
    ['fa170910', 'slowRead', 16],
    ['fa170a05', 'latency', 5],
    ['fa170b02', 'temporary', 2],
    ['fa170c00', 'discard', 0],
  ])('%s is %s with argument %d', (header, name, argument) => {
    expect(decodeTokenFault(header.padEnd(64, '0'))).toEqual({ name, argument });
    expect(encodeTokenFault(name, argument)).toBe(header.padEnd(64, '0'));
    expect(encodeTokenFault(name, argument, 0x1234)).toBe(`${header.padEnd(56, '0')}00001234`);
  });

  it.each(['', 'fa', 'fa17', 'fa1701', 'fa1700ff', 'fa170d00', 'fb170108', '00fa170108'])(
    'finds none in %j',
    (deviceToken) => expect(decodeTokenFault(deviceToken)).toBeUndefined(),
  );

  it('refuses an unknown name, and arguments that do not fit', () => {
    const code = 'APNS_ERR_INVALID_OPTION';
    expect(() => encodeTokenFault('nothing' as TokenFaultName)).toThrow(expect.objectContaining({ code }));
    expect(() => encodeTokenFault('reject', 256)).toThrow(expect.objectContaining({ code }));
    expect(() => encodeTokenFault('reject', 1, 2 ** 32)).toThrow(expect.objectContaining({ code }));
  });

  it('strikes once with whatever ends a connection before the token is settled', () => {
    const memory = new TokenFaultMemory();
    const again = NAMES.filter((name) => {
      const deviceToken = encodeTokenFault(name, 1);
      memory.consume(deviceToken);
      return memory.consume(deviceToken) !== undefined;
    });
    expect(again).toEqual([
      'reject',
      'rejectReset',
      'rejectSplit',
      'slowRead',
      'latency',
      'discard',
      'unregistered',
      'strayBody',
      'earlyResponse',
      'interim',
      'trailers',
      'withoutId',
      'reason',
    ]);
  });

  it('strikes as often as a temporary fault says, and counts each token by itself', () => {
    const memory = new TokenFaultMemory();
    const [one, other] = [encodeTokenFault('temporary', 2, 1), encodeTokenFault('temporary', 2, 2)];
    const strikes = [one, other, one, one, other, other].map((token) => memory.consume(token) !== undefined);
    expect(strikes).toEqual([true, true, true, false, true, false]);
  });

  it('forgets the oldest token when there are too many to remember', () => {
    const memory = new TokenFaultMemory(2);
    for (const serial of [1, 2, 3]) memory.consume(encodeTokenFault('close', 0, serial));
    expect(memory.consume(encodeTokenFault('close', 0, 3))).toBeUndefined();
    expect(memory.consume(encodeTokenFault('close', 0, 1))).toBeDefined();
  });
});
