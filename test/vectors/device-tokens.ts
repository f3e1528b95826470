/**
 * Texts that were sent as device tokens and are none, with the advice that each needs. They are what databases,
 * languages and device APIs print for a token, or in its place.
 */
export interface DeviceTokenVector {
  /** Where the text comes from. */
  readonly what: string;
  readonly deviceToken: string;
  /** Part of the message. */
  readonly advice: string;
}

const PREFIX = 'remove the prefix';
const DECODE = 'decode it and encode the bytes as hex';
const MISSING = 'the text of a missing value';
const DESCRIPTION = 'the token is not in it';
const SEPARATORS = 'remove spaces';
const OTHER_SERVICE = 'token of another push service';
const NOT_HEX = 'must consist of hex digits only';

export const DEVICE_TOKEN_VECTORS: readonly DeviceTokenVector[] = [
  { what: 'hex with 0x before it', deviceToken: '0xa1b2c3d4e5f60718293a4b5c6d7e8f90', advice: PREFIX },
  { what: 'hex with 0X before it', deviceToken: '0XA1B2C3D4E5F60718293A4B5C6D7E8F90', advice: PREFIX },
  {
    what: 'hex of 32 bytes with 0x before it, which is base64 by its letters',
    deviceToken: `0x${'a1b2c3d4'.repeat(8)}`,
    advice: PREFIX,
  },
  { what: 'bytea of PostgreSQL', deviceToken: '\\xa1b2c3d4e5f60718293a4b5c6d7e8f90', advice: PREFIX },
  { what: 'bytea that was escaped once more', deviceToken: '\\\\xa1b2c3d4e5f60718', advice: PREFIX },
  { what: 'undefined of JavaScript', deviceToken: 'undefined', advice: MISSING },
  { what: 'null of JavaScript and Java', deviceToken: 'null', advice: MISSING },
  { what: 'NULL of an SQL export', deviceToken: 'NULL', advice: MISSING },
  { what: 'None of Python', deviceToken: 'None', advice: MISSING },
  { what: 'nil of Swift and Ruby', deviceToken: 'nil', advice: MISSING },
  { what: '(null) of Objective-C', deviceToken: '(null)', advice: MISSING },
  { what: '<null> of NSNull', deviceToken: '<null>', advice: MISSING },
  { what: 'NaN of pandas', deviceToken: 'nan', advice: MISSING },
  { what: 'an object of JavaScript', deviceToken: '[object Object]', advice: 'the text of an object' },
  { what: 'bytes of JavaScript', deviceToken: '[object ArrayBuffer]', advice: 'the text of an object' },
  {
    what: 'a UUID, such as identifierForVendor',
    deviceToken: 'a1b2c3d4-e5f6-4718-893a-4b5c6d7e8f90',
    advice: 'this is a UUID',
  },
  {
    what: 'a UUID in upper case',
    deviceToken: 'A1B2C3D4-E5F6-4718-893A-4B5C6D7E8F90',
    advice: 'this is a UUID',
  },
  { what: 'the description of Data in Swift', deviceToken: '32 bytes', advice: DESCRIPTION },
  { what: 'the same of an Optional', deviceToken: 'Optional(32 bytes)', advice: DESCRIPTION },
  {
    what: 'the description of NSData since iOS 13',
    deviceToken: '{length = 32, bytes = 0xa1b2c3d4 e5f60718 293a4b5c 6d7e8f90 ... 11223344 55667788 }',
    advice: DESCRIPTION,
  },
  {
    what: 'the description of NSData before iOS 13, which has all bytes',
    deviceToken: '<a1b2c3d4 e5f60718 293a4b5c 6d7e8f90 a1b2c3d4 e5f60718 293a4b5c 6d7e8f90>',
    advice: SEPARATORS,
  },
  { what: 'hex with colons', deviceToken: 'a1:b2:c3:d4:e5:f6', advice: SEPARATORS },
  { what: 'hex with a newline behind it', deviceToken: 'a1b2c3d4e5f6\n', advice: SEPARATORS },
  { what: 'hex in quotation marks', deviceToken: '"a1b2c3d4e5f6"', advice: SEPARATORS },
  { what: '32 bytes as base64', deviceToken: 'obLD1OX2BxgpOktcbX6PkKGyw9Tl9gcYKTpLXG1+j5A=', advice: DECODE },
  {
    what: '32 bytes as base64url',
    deviceToken: 'obLD1OX2BxgpOktcbX6PkKGyw9Tl9gcYKTpLXG1-j5A',
    advice: DECODE,
  },
  { what: '16 bytes as base64', deviceToken: 'obLD1OX2BxgpOktcbX6PkA==', advice: DECODE },
  {
    what: 'a registration token of Firebase',
    deviceToken: 'cE1-Example_0:APA91bExampleExampleExampleExample',
    advice: OTHER_SERVICE,
  },
  {
    what: 'a token of Expo',
    deviceToken: 'ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]',
    advice: OTHER_SERVICE,
  },
  { what: 'a word that base64 could also spell', deviceToken: 'token', advice: NOT_HEX },
  { what: 'fewer than 16 bytes of base64', deviceToken: 'obLD1OX2BxgpOktcbX6P', advice: NOT_HEX },
  {
    what: 'more than 16 bytes of letters, in a number that base64 never has',
    deviceToken: 'obLD1OX2BxgpOktcbX6PkKGyw',
    advice: NOT_HEX,
  },
  { what: '0x before what is no hex', deviceToken: '0x: none', advice: NOT_HEX },
  { what: 'base64 that happens to begin with 0x', deviceToken: '0xLD1OX2BxgpOktcbX6PkA==', advice: DECODE },
  {
    what: 'hex in which one digit was mistyped',
    deviceToken: `${'a1b2c3d4'.repeat(7)}a1b2c3O4`,
    advice: 'character 63 is not one',
  },
  { what: 'text with a space that is no hex', deviceToken: 'my token', advice: NOT_HEX },
];
