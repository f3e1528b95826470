import { describe, expect, it } from 'vitest';
import {
  derBitString,
  derConstructed,
  derInteger,
  derNamedBits,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derPrimitive,
  derSequence,
  derSet,
  derTime,
  derTrue,
  derUtf8String,
  encodeDer,
} from '../../../src/simulator/pki/der.js';

const hex = (bytes: Buffer): string => bytes.toString('hex');

describe('DER', () => {
  // Transcribed from X.690 and from the dumps of RFC 5280's appendix C.
  it.each([
    ['INTEGER 2', derInteger(Buffer.from([2])), '020102'],
    ['INTEGER 128 stays positive', derInteger(Buffer.from([0x80])), '02020080'],
    ['INTEGER drops leading zeros', derInteger(Buffer.from([0, 0, 1])), '020101'],
    ['INTEGER 0', derInteger(Buffer.from([0, 0])), '020100'],
    ['BOOLEAN TRUE', derTrue(), '0101ff'],
    ['NULL', derNull(), '0500'],
    ['OCTET STRING', derOctetString(Buffer.from([1, 2])), '04020102'],
    ['BIT STRING', derBitString(Buffer.from([0xf0])), '030200f0'],
    ['named bit 0', derNamedBits(0), '03020780'],
    ['named bits 5 and 6', derNamedBits(5, 6), '03020106'],
    ['UTF8String', derUtf8String('é'), '0c02c3a9'],
    ['commonName', derObjectIdentifier('2.5.4.3'), '0603550403'],
    ['an arc above 127', derObjectIdentifier('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
    ['a UID', derObjectIdentifier('0.9.2342.19200300.100.1.1'), '060a0992268993f22c640101'],
    ['UTCTime', derTime(new Date('2049-12-31T23:59:59Z')), `170d${hex(Buffer.from('491231235959Z'))}`],
    [
      'GeneralizedTime',
      derTime(new Date('2050-01-01T00:00:00Z')),
      `180f${hex(Buffer.from('20500101000000Z'))}`,
    ],
    ['SEQUENCE', derSequence(derNull(), derNull()), '300405000500'],
    ['SET', derSet(derNull()), '31020500'],
    ['[3] constructed', derConstructed(3, derNull()), 'a3020500'],
    ['[7] primitive', derPrimitive(7, Buffer.from([127, 0, 0, 1])), '87047f000001'],
  ])('writes %s', (_name, bytes, expected) => {
    expect(hex(bytes)).toBe(expected);
  });

  it.each([
    [0x7f, '047f'],
    [0x80, '048180'],
    [0xff, '0481ff'],
    [0x100, '04820100'],
  ])('writes a length of %d in the shortest form', (length, header) => {
    expect(hex(encodeDer(0x04, Buffer.alloc(length))).slice(0, header.length)).toBe(header);
  });
});
