import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createOutput } from '../../../src/cli/output/output.js';
import { unescaped, withSafeOutput } from '../../../src/cli/output/safe-output.js';
import { run } from '../../../src/cli/run.js';
import { FakeIo, type FakeIoOptions } from '../fake-io.js';
import { temporaryDirectory } from '../temporary-directory.js';

/** What a terminal obeys, or what reorders or breaks the text around it. */
const HOSTILE = '\u009b31m\u202e\u2066\u2028';
const ESCAPED = '\\u009b31m\\u202e\\u2066\\u2028';
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is looked for
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

/** Every write to the two output streams, in order. */
function interleaved(options: FakeIoOptions): { io: FakeIo; written: string[] } {
  const written: string[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      written.push(`out ${chunk}`);
      callback();
    },
  });
  const io = new FakeIo({ ...options, stdout });
  const { write } = io.stderr;
  io.stderr.write = (text: string) => {
    written.push(`err ${text}`);
    return write.call(io.stderr, text);
  };
  return { io, written };
}

function print(stream: Writable, chunk: string | Buffer): Promise<void> {
  return new Promise((done, fail) => {
    stream.write(chunk, (error) => (error ? fail(error) : done()));
  });
}

describe('withSafeOutput', () => {
  it('escapes standard error everywhere, and keeps its lines', () => {
    const io = new FakeIo();
    withSafeOutput(io).stderr.write(`a${HOSTILE}\nb\n`);
    expect(io.err).toBe(`a${ESCAPED}\nb\n`);
  });

  it('escapes standard output on a terminal only', () => {
    for (const [terminals, expected] of [
      [['stdout'], ESCAPED],
      [[], HOSTILE],
    ] as const) {
      const io = new FakeIo({ terminals });
      withSafeOutput(io).stdout.write(`${HOSTILE}\n`);
      expect(io.out).toBe(`${expected}\n`);
    }
  });

  it('joins a character that two chunks share', async () => {
    const io = new FakeIo({ terminals: ['stdout'] });
    const { stdout } = withSafeOutput(io);
    const bytes = Buffer.from('é\u202e\n');
    for (const byte of bytes) await print(stdout, Buffer.of(byte));
    expect(io.out).toBe('é\\u202e\n');
  });

  it('has the status line cleared before anything else is written, once', async () => {
    const { io, written } = interleaved({ terminals: ['stdout', 'stderr'] });
    const safe = withSafeOutput(io);
    safe.status.draw('50%');
    await print(safe.stdout, '{}\n');
    await print(safe.stdout, '{}\n');
    safe.status.draw('60%');
    safe.stderr.write('note\n');
    const clear = 'err \r\u001b[K';
    const drawn = [`${clear}50%`, clear, 'out {}\n', 'out {}\n', `${clear}60%`, clear, 'err note\n'];
    expect(written).toEqual(drawn);
  });

  it('reports a terminal that cannot be written to', async () => {
    const stdout = new Writable({
      write: (_chunk, _encoding, callback) => callback(Object.assign(new Error(), { code: 'EIO' })),
    });
    const output = createOutput(withSafeOutput(new FakeIo({ stdout, terminals: ['stdout'] })).stdout);
    const failed = new Promise((resolve) => output.once('error', resolve));
    output.write('{}\n');
    expect(await failed).toMatchObject({ exitCode: 74 });
  });

  it('hands out the terminal for bytes that are wanted as they are', () => {
    const io = new FakeIo({ terminals: ['stdout'] });
    expect(unescaped(withSafeOutput(io).stdout)).toBe(io.stdout);
  });
});

describe('the command', () => {
  it.each(['send --to simulator:binary', 'lint', 'encode --hex'])(
    'lets no control character of field or file names through: %s',
    async (line) => {
      const directory = await temporaryDirectory();
      const file = join(directory, `in${HOSTILE}.ndjson`);
      await writeFile(file, `{"deviceToken":"aa","payload":{},"x${HOSTILE}":1}\n`);
      const io = new FakeIo({ terminals: ['stdout'] });
      const code = await run([...line.split(' '), file, file], io);
      expect(code).toBe(1);
      expect(io.out + io.err).toContain(ESCAPED);
      expect(io.out + io.err).not.toMatch(OBEYED);
    },
  );

  it('escapes the name of a missing file and of an unusable ledger', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, `in${HOSTILE}.ndjson`);
    for (const argv of [[file], [file, '--resume', file]]) {
      const io = new FakeIo();
      expect(await run(['send', '--to', 'simulator:binary', ...argv], io)).not.toBe(0);
      expect(io.err).toContain(ESCAPED);
      expect(io.err).not.toMatch(OBEYED);
    }
  });
});
