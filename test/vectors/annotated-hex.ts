/**
 * Bytes as a person writes them down: hex pairs at the start of each line, then two spaces and what they
 * mean. `docs/protocol-binary.md` uses the same notation.
 */
export function annotatedHex(text: string): Buffer {
  const digits = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const match = /^\s*([0-9a-f]{2}(?: [0-9a-f]{2})*)(?:\s{2}.*)?$/.exec(line);
      if (match === null) throw new Error(`not annotated hex: ${line}`);
      return match[1]!.replaceAll(' ', '');
    });
  return Buffer.from(digits.join(''), 'hex');
}

/** `bytes` cut in two at every place, the empty first and last parts included. */
export function everySplit(bytes: Buffer): [Buffer, Buffer][] {
  return Array.from({ length: bytes.length + 1 }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]);
}

/** `bytes` one by one. */
export function oneByOne(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}
