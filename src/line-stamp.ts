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

  constructor(notification: object, line: number, token: string | undefined) {
    super(notification);
    this.#line = line;
    this.#token = token;
  }

  static read(notification: object): number | undefined {
    return #line in notification ? notification.#line : undefined;
  }

  static readToken(notification: object): string | undefined {
    return #line in notification ? notification.#token : undefined;
  }

  static stamp(notification: object, line: number, token: string | undefined): void {
    if (#line in notification) notification.#line = line;
    else new LineStamp(notification, line, token);
  }
}

/** Remembers the 1-based NDJSON line that a notification was parsed from. A spread copy does not have it. */
export function setLine(notification: object, line: number): void {
  LineStamp.stamp(notification, line, undefined);
}

/**
 * What a parser does in place of {@link setLine} with a notification that it has checked: as long as the device
 * token stays the same, nobody looks through its digits again.
 */
export function setParsed(notification: { readonly deviceToken?: string }, line: number): void {
  LineStamp.stamp(notification, line, notification.deviceToken);
}

/** The 1-based NDJSON line a notification was parsed from, or `undefined`. */
export function lineOf(notification: unknown): number | undefined {
  return typeof notification === 'object' && notification !== null ? LineStamp.read(notification) : undefined;
}

/** The device token that a parser has found good, or `undefined`. */
export function checkedTokenOf(notification: object): string | undefined {
  return LineStamp.readToken(notification);
}
