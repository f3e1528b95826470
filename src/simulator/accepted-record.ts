/**
 * What the simulator accepted, in order. A million entries must fit beside a test, so they are bytes in
 * slabs, and become objects only while they are iterated over.
 */
/**
 * How much of an accepted notification the record keeps: `full` everything, `tokens` its identity (about 50
 * bytes), `counts` only its count.
 */
export type RecordDetail = 'full' | 'tokens' | 'counts';

/** The protocol of a notification. */
export type Wire = 'binary' | 'http2';

/** An accepted notification. Fields that the client did not send are absent. */
export interface AcceptedNotification {
  readonly wire: Wire;
  /** The connection it came by, counted from 1 over all wires. */
  readonly connection: number;
  /** Hex, lower case; empty for a broadcast. */
  readonly deviceToken: string;
  /** Binary protocol only. */
  readonly identifier?: number;
  /**
   * HTTP/2 only: the id in the response, in lower case; the client or the simulator created it. A broadcast has one
   * only if the client sent it.
   */
  readonly apnsId?: string;
  /** UNIX seconds. Detail `full` only. */
  readonly expiration?: number;
  /** Detail `full` only. */
  readonly priority?: number;
  /** The bytes of the payload, unchanged. Detail `full` only. */
  readonly payload?: Buffer;
  /** HTTP/2, detail `full` only; that of the certificate where none was sent, the app's for a broadcast. */
  readonly topic?: string;
  /** HTTP/2, detail `full` only. */
  readonly pushType?: string;
  /** HTTP/2, detail `full` only. */
  readonly collapseId?: string;
  /** Broadcasts, detail `full` only. */
  readonly channelId?: string;
  /** HTTP/2, detail `full` only: `apns-request-id` as in the response. Every broadcast has one. */
  readonly requestId?: string;
}

/** The fields of a notification that a record can hold. Texts are Latin-1 of at most 255 characters. */
export type RecordFields = Omit<AcceptedNotification, 'wire' | 'connection'>;

const SLAB_BYTES = 1 << 20;
const FIRST_SLAB_BYTES = 1 << 14;
/** Flags, connection, identifier, expiration, priority, id, token length, payload length. */
const MAX_HEADER_BYTES = 1 + 4 + 4 + 4 + 1 + 16 + 1 + 4;

const HTTP2 = 1;
const IDENTIFIER = 2;
const EXPIRATION = 4;
const PRIORITY = 8;
const PAYLOAD = 16;
const APNS_ID = 32;
const TEXTS = 64;

/** In the order they are kept in, each behind its length in one byte; a length of 0 means absent. */
const TEXT_FIELDS = ['topic', 'pushType', 'collapseId', 'channelId', 'requestId'] as const;

/** The longest text that a record has room for. */
export const MAX_RECORDED_TEXT = 255;

const UUID_PARTS = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/;

interface Slab {
  readonly bytes: Buffer;
  end: number;
}

/** The accepted notifications, in order. You can iterate over the record any number of times. */
export class AcceptedRecord implements Iterable<AcceptedNotification> {
  readonly detail: RecordDetail;
  readonly #limit: number;
  #slabs: Slab[] = [];
  #length = 0;

  /** @param limit entries kept; what is accepted beyond is counted, not recorded */
  constructor(detail: RecordDetail, limit: number) {
    this.detail = detail;
    this.#limit = detail === 'counts' ? 0 : limit;
  }

  /** How many entries are recorded. */
  get length(): number {
    return this.#length;
  }

  /** Records a notification, unless the limit is reached. */
  add(wire: Wire, connection: number, fields: RecordFields): void {
    if (this.#length >= this.#limit) return;
    const { deviceToken, identifier, apnsId } = fields;
    const full = this.detail === 'full';
    const payload = full ? fields.payload : undefined;
    const expiration = full ? fields.expiration : undefined;
    const priority = full ? fields.priority : undefined;
    const texts = full ? textBytes(fields) : undefined;
    const slab = this.#room(
      MAX_HEADER_BYTES + deviceToken.length / 2 + (texts?.length ?? 0) + (payload?.length ?? 0),
    );
    const { bytes } = slab;
    const start = slab.end;
    let flags = wire === 'http2' ? HTTP2 : 0;
    let at = bytes.writeUInt32LE(connection, start + 1);
    if (identifier !== undefined) {
      flags |= IDENTIFIER;
      at = bytes.writeUInt32LE(identifier, at);
    }
    if (expiration !== undefined) {
      flags |= EXPIRATION;
      at = bytes.writeUInt32LE(expiration, at);
    }
    if (priority !== undefined) {
      flags |= PRIORITY;
      bytes[at++] = priority;
    }
    if (apnsId !== undefined) {
      flags |= APNS_ID;
      at += bytes.write(apnsId.replaceAll('-', ''), at, 'hex');
    }
    bytes[at++] = deviceToken.length / 2;
    at += bytes.write(deviceToken, at, 'hex');
    if (texts !== undefined) {
      flags |= TEXTS;
      bytes.set(texts, at);
      at += texts.length;
    }
    if (payload !== undefined) {
      flags |= PAYLOAD;
      at = bytes.writeUInt32LE(payload.length, at);
      bytes.set(payload, at);
      at += payload.length;
    }
    bytes[start] = flags;
    slab.end = at;
    this.#length++;
  }

  /** Forgets every entry; counts stay. */
  clear(): void {
    this.#slabs = [];
    this.#length = 0;
  }

  *[Symbol.iterator](): Iterator<AcceptedNotification> {
    for (const { bytes, end } of [...this.#slabs]) {
      let start = 0;
      while (start < end) start = yield* readEntry(bytes, start);
    }
  }

  #room(size: number): Slab {
    const last = this.#slabs.at(-1);
    if (last !== undefined && last.end + size <= last.bytes.length) return last;
    const usual = last === undefined ? FIRST_SLAB_BYTES : SLAB_BYTES;
    const slab = { bytes: Buffer.allocUnsafeSlow(Math.max(usual, size)), end: 0 };
    this.#slabs.push(slab);
    return slab;
  }
}

/** The texts that are present, or `undefined` if there is none. */
function textBytes(fields: RecordFields): Buffer | undefined {
  let text = '';
  let found = false;
  for (const name of TEXT_FIELDS) {
    const value = fields[name] ?? '';
    found ||= value !== '';
    text += String.fromCharCode(value.length) + value;
  }
  return found ? Buffer.from(text, 'latin1') : undefined;
}

/** Yields the entry at `start`; returns where the next one starts. */
function* readEntry(bytes: Buffer, start: number): Generator<AcceptedNotification, number> {
  const flags = bytes[start]!;
  const entry: { -readonly [Field in keyof AcceptedNotification]: AcceptedNotification[Field] } = {
    wire: (flags & HTTP2) === 0 ? 'binary' : 'http2',
    connection: bytes.readUInt32LE(start + 1),
    deviceToken: '',
  };
  let at = start + 5;
  if ((flags & IDENTIFIER) !== 0) {
    entry.identifier = bytes.readUInt32LE(at);
    at += 4;
  }
  if ((flags & EXPIRATION) !== 0) {
    entry.expiration = bytes.readUInt32LE(at);
    at += 4;
  }
  if ((flags & PRIORITY) !== 0) entry.priority = bytes[at++]!;
  if ((flags & APNS_ID) !== 0) {
    entry.apnsId = bytes.toString('hex', at, at + 16).replace(UUID_PARTS, '$1-$2-$3-$4-$5');
    at += 16;
  }
  const tokenEnd = at + 1 + bytes[at]!;
  entry.deviceToken = bytes.toString('hex', at + 1, tokenEnd);
  at = tokenEnd;
  if ((flags & TEXTS) !== 0) {
    for (const name of TEXT_FIELDS) {
      const textEnd = at + 1 + bytes[at]!;
      if (textEnd > at + 1) entry[name] = bytes.toString('latin1', at + 1, textEnd);
      at = textEnd;
    }
  }
  if ((flags & PAYLOAD) !== 0) {
    const payloadEnd = at + 4 + bytes.readUInt32LE(at);
    entry.payload = bytes.subarray(at + 4, payloadEnd);
    at = payloadEnd;
  }
  yield entry;
  return at;
}
