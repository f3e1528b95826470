/** Makes what a command writes safe for a terminal. */

import { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { printable } from '../../core/redact.js';
import type { CommandIo } from '../io.js';
import type { StatusLine } from '../status-line.js';

/**
 * Wraps `io` for commands. Standard error shows every line as {@link printable} text, and so does standard output if
 * it is a terminal. The status line is cleared before each write to either.
 */
export function withSafeOutput(io: CommandIo): CommandIo {
  const { status } = io;
  let stdout: CommandIo['stdout'] | undefined;
  return {
    // These are getters, because reading a stream property of `process` opens that stream.
    get stdin() {
      return io.stdin;
    },
    get stdout() {
      stdout ??= io.stdout.isTTY === true ? new TerminalOutput(io.stdout, status) : io.stdout;
      return stdout;
    },
    get stderr() {
      const { isTTY, columns } = io.stderr;
      return {
        ...(isTTY === undefined ? {} : { isTTY }),
        ...(columns === undefined ? {} : { columns }),
        write(text: string) {
          status.clear();
          io.stderr.write(printableLines(text));
        },
      };
    },
    env: io.env,
    clock: io.clock,
    status,
    onSignal: (listener) => io.onSignal(listener),
  };
}

/** The terminal itself, for bytes that must not be escaped. */
export function unescaped(stdout: Writable): Writable {
  return stdout instanceof TerminalOutput ? stdout.terminal : stdout;
}

/** Standard output that is a terminal: escapes each chunk, and holds back the writer until the chunk is written. */
class TerminalOutput extends Writable {
  readonly isTTY = true;
  readonly terminal: Writable;

  constructor(terminal: Writable, status: StatusLine) {
    // A character of several bytes may be cut in two by a chunk's end.
    const decoder = new StringDecoder('utf8');
    super({
      decodeStrings: false,
      write(chunk: Uint8Array | string, _encoding, callback) {
        const text = typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk));
        status.clear();
        terminal.write(printableLines(text), callback);
      },
    });
    this.terminal = terminal;
    // The callback and this stream report a failed write; without a listener here, it would end the process.
    terminal.on('error', () => {});
  }
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
