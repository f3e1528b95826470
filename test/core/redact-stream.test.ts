import { Readable, Transform, Writable } from 'node:stream';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { redactStream } from '../../src/core/redact-stream.js';

class Secretive extends Transform {
  static {
    redactStream(Secretive);
  }

  readonly counts = { accepted: 1 };
}

class MoreSecretive extends Secretive {}

it('shows how much is in a stream and not what, whatever the options', () => {
  const stream = new MoreSecretive({ objectMode: true, highWaterMark: 10 });
  stream.cork();
  stream.write({ deviceToken: 'facade' });
  const facts = { counts: { accepted: 1 }, readableLength: 0, writableLength: 1, destroyed: false };
  for (const options of [{}, { showHidden: true, depth: Number.POSITIVE_INFINITY }, { compact: false }]) {
    expect(inspect(stream, options)).toMatch(/^MoreSecretive \{/);
    expect(inspect(stream, options)).not.toContain('facade');
  }
  expect(JSON.parse(JSON.stringify({ stream }))).toEqual({ stream: facts });
});

it('shows the code of a failure, and only what the stream has', () => {
  class Source extends Readable {}
  class Sink extends Writable {}
  for (const streamClass of [Source, Sink]) {
    redactStream(streamClass);
    const stream = new streamClass().on('error', () => {});
    stream.destroy(Object.assign(new Error('abcdef'), { code: 'E_CODE' }));
    expect(JSON.parse(JSON.stringify(stream))).toEqual({
      [streamClass === Source ? 'readableLength' : 'writableLength']: 0,
      destroyed: true,
      failure: 'E_CODE',
    });
  }
});

it('does not fail for a class itself, whose prototype is no stream', () => {
  expect(inspect(Secretive, { showHidden: true, depth: Number.POSITIVE_INFINITY })).toContain('Secretive');
});
