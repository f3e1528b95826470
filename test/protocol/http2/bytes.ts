/** Bytes from annotated hex: whitespace is free, and everything from `|` or `#` to the end of its line is comment. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/[|#].*$/gm, '').replace(/\s+/g, ''), 'hex');
}

/** What a call throws, for looking at its fields. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('expected the call to throw');
}
