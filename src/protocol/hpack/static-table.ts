/** The fields that every HPACK context knows from the start: RFC 7541, appendix A. */
import { type HeaderField, headerField } from './header-field.js';

// Name and value, index 1 first.
// biome-ignore format: five to a line, so that an index can be counted
const FIELDS = [
  ':authority', '',  ':method', 'GET',  ':method', 'POST',  ':path', '/',  ':path', '/index.html',
  ':scheme', 'http',  ':scheme', 'https',  ':status', '200',  ':status', '204',  ':status', '206',
  ':status', '304',  ':status', '400',  ':status', '404',  ':status', '500',  'accept-charset', '',
  'accept-encoding', 'gzip, deflate',  'accept-language', '',  'accept-ranges', '',  'accept', '',  'access-control-allow-origin', '',
  'age', '',  'allow', '',  'authorization', '',  'cache-control', '',  'content-disposition', '',
  'content-encoding', '',  'content-language', '',  'content-length', '',  'content-location', '',  'content-range', '',
  'content-type', '',  'cookie', '',  'date', '',  'etag', '',  'expect', '',
  'expires', '',  'from', '',  'host', '',  'if-match', '',  'if-modified-since', '',
  'if-none-match', '',  'if-range', '',  'if-unmodified-since', '',  'last-modified', '',  'link', '',
  'location', '',  'max-forwards', '',  'proxy-authenticate', '',  'proxy-authorization', '',  'range', '',
  'referer', '',  'refresh', '',  'retry-after', '',  'server', '',  'set-cookie', '',
  'strict-transport-security', '',  'transfer-encoding', '',  'user-agent', '',  'vary', '',  'via', '',
  'www-authenticate', '',
];

/** How many fields the static table has; the dynamic table's indexes follow. */
export const STATIC_FIELDS = 61;

/** The static table; its first field has index 1, so it stands at 0 here. */
export const STATIC_TABLE: readonly HeaderField[] = Array.from({ length: STATIC_FIELDS }, (_, i) =>
  headerField(FIELDS[2 * i]!, FIELDS[2 * i + 1]!),
);
