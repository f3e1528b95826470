/**
 * Advice for a text that is not a device token. Databases, languages and device APIs print a token, or a missing token,
 * in forms that can be distinguished. Advice for another form would produce a wrong token.
 */

/** A longer text has none of the forms below, so it is not searched. */
const MAX_CHARACTERS = 1000;

/** A device token never had fewer bytes, so a shorter text is a word and not base64. */
const MIN_BASE64_BYTES = 16;

/** Separators that can be removed from hex digits without loss. */
const SEPARATORS = /[\s<>:"'-]/g;
const HEX = /^[0-9a-f]+$/i;
const NOT_HEX = /[^0-9a-f]/i;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** The first match applies. */
const FORMS: readonly (readonly [form: RegExp, advice: string])[] = [
  [
    /^[<(]?(?:undefined|null|none|nil|nan)[>)]?$/i,
    'must be hex digits; this is the text of a missing value: send only to devices whose token is stored',
  ],
  [
    /^\[object \w+\]$/,
    "must be hex digits; this is the text of an object: give the token as hex, with Buffer's toString('hex')",
  ],
  [/^0x[0-9a-f]+$/i, 'must be bare hex digits: remove the prefix 0x'],
  [
    /^\\{1,2}x[0-9a-f]+$/i,
    "must be bare hex digits: remove the prefix \\x; in PostgreSQL, encode(token, 'hex') gives none",
  ],
  [
    /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    'must be hex digits; this is a UUID: give the token that the device registered with APNs',
  ],
  [
    /^(?:Optional\()?(?:\d+ bytes\)?$|\{ ?length ?= ?\d)/,
    'must be hex digits; this describes a Data object, and the token is not in it: encode the bytes as hex on the device',
  ],
  [
    /^(?:Expo(?:nent)?PushToken\[|[\w-]+:APA91)/,
    'must be hex digits; this is a token of another push service: use the token that the device got from APNs',
  ],
];

/** Advice for a text that does not consist of hex digits. It does not repeat the text, which may be a secret. */
export function deviceTokenAdvice(text: string): string {
  if (text.length <= MAX_CHARACTERS) {
    for (const [form, advice] of FORMS) if (form.test(text)) return advice;
    if (HEX.test(text.replace(SEPARATORS, ''))) {
      return 'must be bare hex digits: remove spaces, angle brackets and other separators';
    }
    if (isBase64(text))
      return 'must be hex digits; this looks like base64: decode it and encode the bytes as hex';
  }
  return `must consist of hex digits only, and character ${text.search(NOT_HEX) + 1} is not one`;
}

/** Whether the text can be a token in base64. Hex with a few mistyped digits also consists of base64 characters. */
function isBase64(text: string): boolean {
  if (!BASE64.test(text)) return false;
  const digits = text.replace(/=+$/, '');
  const isMistyped = digits.replace(/[^g-z+/_-]/gi, '').length * 8 <= digits.length;
  return !isMistyped && digits.length % 4 !== 1 && Math.floor((digits.length * 3) / 4) >= MIN_BASE64_BYTES;
}
