import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AcceptedRecord } from '../../src/simulator/accepted-record.js';

const NOTIFICATION = {
  deviceToken: 'ab'.repeat(32),
  payload: Buffer.from('{}'),
  identifier: 7,
  expiration: 0,
  priority: 5,
};

describe('AcceptedRecord', () => {
  it('gives back everything with detail full', () => {
    const record = new AcceptedRecord('full', 10);
    record.add('binary', 1, NOTIFICATION);
    record.add('http2', 0xffff_ffff, { deviceToken: 'cd' });
    expect([...record]).toEqual([
      { wire: 'binary', connection: 1, ...NOTIFICATION },
      { wire: 'http2', connection: 0xffff_ffff, deviceToken: 'cd' },
    ]);
    expect([...record]).toHaveLength(2);
  });

  it('gives back who it was with detail tokens', () => {
    const record = new AcceptedRecord('tokens', 10);
    record.add('binary', 1, NOTIFICATION);
    const { deviceToken, identifier } = NOTIFICATION;
    expect([...record]).toEqual([{ wire: 'binary', connection: 1, deviceToken, identifier }]);
  });

  it('keeps nothing with detail counts, nor beyond its limit, nor after clear', () => {
    const none = new AcceptedRecord('counts', 10);
    none.add('binary', 1, NOTIFICATION);
    expect([...none]).toEqual([]);
    const one = new AcceptedRecord('full', 1);
    one.add('binary', 1, NOTIFICATION);
    one.add('binary', 2, NOTIFICATION);
    expect([...one].map(({ connection }) => connection)).toEqual([1]);
    one.clear();
    expect([...one]).toEqual([]);
    one.add('binary', 3, NOTIFICATION);
    expect(one.length).toBe(1);
  });

  it('gives back whatever was put in, over many slabs', () => {
    const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
    const fields = fc.record(
      {
        deviceToken: fc
          .uint8Array({ minLength: 1, maxLength: 100 })
          .map((b) => Buffer.from(b).toString('hex')),
        payload: fc.integer({ min: 0, max: 65_535 }).map((length) => Buffer.alloc(length, 0x20)),
        identifier: uint32,
        expiration: uint32,
        priority: fc.constantFrom(5, 10),
      },
      { requiredKeys: ['deviceToken'] },
    );
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 60 }), (all) => {
        const record = new AcceptedRecord('full', 1000);
        for (const one of all) record.add('binary', 9, one);
        const readable = (one: { payload?: Buffer }): object => ({
          ...one,
          payload: one.payload?.toString(),
        });
        const expected = all.map((one) => ({ wire: 'binary', connection: 9, ...one }));
        expect([...record].map(readable)).toEqual(expected.map(readable));
      }),
      { numRuns: 30 },
    );
  });

  it('holds a million tokens in about fifty megabytes', () => {
    const record = new AcceptedRecord('tokens', 1_000_000);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1_000_000; i++) record.add('binary', 1, NOTIFICATION);
    expect(record.length).toBe(1_000_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(60 * 2 ** 20);
  });
});
