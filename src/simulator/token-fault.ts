/**
 * Faults that travel in device tokens, so that any client in any language can ask for them.
 *
 *      0      1      2      3          4
 *     +------+------+------+----------+-----------------------+
 *     | 0xfa | 0x17 | code | argument | free, makes it unique |
 *     +------+------+------+----------+-----------------------+
 *
 * What each does, wire by wire, is the table in docs/simulator.md.
 */
import { MAX_UINT32 } from '../core/notification-rules.js';
import { choiceOption, integerOption } from '../core/options.js';

/** Every fault with its code, the token's third byte. */
export const TokenFaultCode = {
  /** Rejected with the argument as status code, every time. */
  reject: 0x01,
  /** Accepted, then the gateway shuts down (status code 10) and names it. Once. */
  shutdown: 0x02,
  /** The same, but the shutdown names identifier 0. Once. */
  shutdownUnnamed: 0x03,
  /** The notification is not accepted, and the connection is closed without a packet. It applies once. */
  close: 0x04,
  /** The notification is not accepted, and the connection is reset without a packet. It applies once. */
  reset: 0x05,
  /** Rejected with the argument as status code, and the connection reset instead of drained. */
  rejectReset: 0x06,
  /** Rejected with the argument as status code, the packet in six segments. */
  rejectSplit: 0x07,
  /** Nothing more is read for argument × 100 ms, 0 meaning for ever; accepted afterwards. Once. */
  stall: 0x08,
  /** Accepted; from here on at most argument KiB per 100 ms are read on this connection. */
  slowRead: 0x09,
  /** Accepted after argument × 10 ms. */
  latency: 0x0a,
  /** A temporary rejection the first argument times, then accepted. */
  temporary: 0x0b,
  /** Dropped: neither accepted nor answered. */
  discard: 0x0c,
  /** RST_STREAM with REFUSED_STREAM. Once. */
  refuse: 0x10,
  /** RST_STREAM with the argument as error code. Once. */
  resetStream: 0x11,
  /** 429 TooManyRequests with the argument as `retry-after`, in seconds. Once. */
  tooManyRequests: 0x12,
  /** The device is unregistered, as of argument hours ago. */
  unregistered: 0x13,
  /** 403 ExpiredProviderToken. Once. */
  expiredProviderToken: 0x14,
  /** 400 BadDeviceToken with a body that is not what it should be: the argument is an index of BODY_KINDS. */
  strayBody: 0x15,
  /** Accepted; the answer is complete before the body is asked for. */
  earlyResponse: 0x16,
  /** Accepted; 103 comes before the final response. */
  interim: 0x17,
  /** Accepted; trailers end the response. */
  trailers: 0x18,
  /** Accepted; the response has no apns-id. */
  withoutId: 0x19,
  /** Rejects with the reason whose number is the argument, an index of NUMBERED_REASONS. */
  reason: 0x1a,
} as const;

/** The name of a fault that a device token can ask for; `docs/simulator.md` says what each does. */
export type TokenFaultName = keyof typeof TokenFaultCode;

/** A fault that a device token asks for. */
export interface TokenFault {
  readonly name: TokenFaultName;
  /** 0 to 255; its meaning is the fault's. */
  readonly argument: number;
}

const PREFIX = 'fa17';
const HEADER_DIGITS = 8;
const TOKEN_BYTES = 32;

const NAMES: ReadonlyMap<number, TokenFaultName> = new Map(
  Object.entries(TokenFaultCode).map(([name, code]) => [code, name as TokenFaultName]),
);

/** Faults after which a client sends the same token again on another connection. */
const ONCE: ReadonlySet<TokenFaultName> = new Set([
  'shutdown',
  'shutdownUnnamed',
  'close',
  'reset',
  'stall',
  'refuse',
  'resetStream',
  'tooManyRequests',
  'expiredProviderToken',
]);

/**
 * A 32-byte device token, in hex, that asks for a fault.
 *
 * @param argument 0 to 255
 * @param serial unsigned 32-bit; tokens with different serials are different devices
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION
 */
export function encodeTokenFault(name: TokenFaultName, argument = 0, serial = 0): string {
  const known = choiceOption('name', name, [...NAMES.values()], name);
  const bytes = Buffer.alloc(TOKEN_BYTES);
  bytes.write(PREFIX, 'hex');
  bytes[2] = TokenFaultCode[known];
  bytes[3] = integerOption('argument', argument, { default: 0, min: 0, max: 0xff });
  bytes.writeUInt32BE(integerOption('serial', serial, { default: 0, min: 0, max: MAX_UINT32 }), 28);
  return bytes.toString('hex');
}

/** The fault that a device token (lower-case hex) asks for, or `undefined`. */
export function decodeTokenFault(deviceToken: string): TokenFault | undefined {
  if (!deviceToken.startsWith(PREFIX) || deviceToken.length < HEADER_DIGITS) return undefined;
  const name = NAMES.get(Number.parseInt(deviceToken.slice(4, 6), 16));
  if (name === undefined) return undefined;
  return { name, argument: Number.parseInt(deviceToken.slice(6, HEADER_DIGITS), 16) };
}

/** Counts how often each fault was applied. A fault that ends a connection applies once, so that resending succeeds. */
export class TokenFaultMemory {
  readonly #uses = new Map<string, number>();
  readonly #limit: number;

  /** @param limit the maximum number of remembered tokens; beyond it, the oldest is forgotten and may apply again */
  constructor(limit = 100_000) {
    this.#limit = limit;
  }

  /** The fault to apply to this notification, or `undefined`. The call counts as one use of the fault. */
  consume(deviceToken: string): TokenFault | undefined {
    const fault = decodeTokenFault(deviceToken);
    if (fault === undefined) return undefined;
    const times = fault.name === 'temporary' ? fault.argument : ONCE.has(fault.name) ? 1 : Infinity;
    if (times === Infinity) return fault;
    const uses = this.#uses.get(deviceToken) ?? 0;
    if (uses >= times) return undefined;
    if (uses === 0 && this.#uses.size >= this.#limit) {
      this.#uses.delete(this.#uses.keys().next().value as string);
    }
    this.#uses.set(deviceToken, uses + 1);
    return fault;
  }
}

/** The argument of `unregistered` as a date. */
export function hoursAgo(argument: number): Date {
  return new Date(Date.now() - argument * 3_600_000);
}

/** The argument of `stall` in milliseconds; `undefined` means without a limit. */
export function stallMs(argument: number): number | undefined {
  return argument === 0 ? undefined : argument * 100;
}

/** The argument of `latency` in milliseconds. */
export function latencyMs(argument: number): number {
  return argument * 10;
}

/** The argument of `slowRead` as a speed of reading. */
export function slowReadBytesPerMs(argument: number): number {
  return (Math.max(argument, 1) * 1024) / 100;
}
