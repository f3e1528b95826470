/** What a notification carries of the NDJSON line it came from. */

/** Returns its argument from the constructor, so that a subclass can put a private field on any object. */
class Carrier {
  constructor(carrier: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is what the class is for
    return carrier;
  }
}

/**
 * The line a notification came from, and the device token that was found good there, carried by the notification
 * but not as properties: what the parser emits compares equal to what was written, and no other field can be
 * mistaken for it. A private field costs what a property costs (about 10 ns); a WeakMap costs a microsecond.
 */
class LineStamp extends Carrier {
  #line: number;
  #token: string | undefined;
  #bytes: number;

  constructor(notification: object, line: number, token: string | undefined, bytes: number) {
    super(notification);
    this.#line = line;
    this.#token = token;
    this.#bytes = bytes;
  }

  static read(notification: object): number | undefined {
    return #line in notification ? notification.#line : undefined;
  }

  static readToken(notification: object): string | undefined {
    return #line in notification ? notification.#token : undefined;
  }

  static readBytes(notification: object): number {
    return #line in notification ? notification.#bytes : 0;
  }

  static stamp(notification: object, line: number, token: string | undefined, bytes: number): void {
    if (#line in notification) notification.#line = line;
    else new LineStamp(notification, line, token, bytes);
  }
}

/** Remembers the 1-based NDJSON line that a notification was parsed from. A spread copy does not have it. */
export function setLine(notification: object, line: number): void {
  LineStamp.stamp(notification, line, undefined, 0);
}

/**
 * What a parser does in place of {@link setLine} with a notification that it has checked: as long as the device
 * token stays the same, nobody looks through its digits again.
 *
 * @param bytes the length of the line
 */
export function setParsed(
  notification: { readonly deviceToken?: string },
  line: number,
  bytes: number,
): void {
  LineStamp.stamp(notification, line, notification.deviceToken, bytes);
}

/** The 1-based NDJSON line a notification was parsed from, or `undefined`. */
export function lineOf(notification: unknown): number | undefined {
  return typeof notification === 'object' && notification !== null ? LineStamp.read(notification) : undefined;
}

/** The device token that a parser has found good, or `undefined`. */
export function checkedTokenOf(notification: object): string | undefined {
  return LineStamp.readToken(notification);
}

/** The length in bytes of the line that a parser has made a notification from, or 0. */
export function lineBytesOf(notification: unknown): number {
  return typeof notification === 'object' && notification !== null ? LineStamp.readBytes(notification) : 0;
}
