import { describe, expect, it } from 'vitest';
import { Progress, type ProgressSnapshot } from '../../../src/cli/send/progress.js';
import { FakeIo, type FakeIoOptions } from '../fake-io.js';

const HALF: ProgressSnapshot = { settled: 1500, problems: 2, inFlight: 100, fraction: 0.999 };

function start(options: FakeIoOptions, snapshot = HALF): { io: FakeIo; progress: Progress } {
  const io = new FakeIo(options);
  return { io, progress: new Progress(io, () => snapshot) };
}

describe('Progress', () => {
  it('redraws one line on a terminal and clears it at the end', () => {
    const { io, progress } = start({ terminals: ['stderr'], env: { TERM: 'xterm' } });
    io.pass(400);
    progress.stop();
    const drawn = io.err.split('\r').slice(1);
    expect(drawn).toHaveLength(3);
    expect(drawn[0]).toContain('99%, 1,500 settled, 2 not accepted, 7,500/s, 100 in flight');
    expect(drawn.at(-1)).toBe('\u001b[K');
    expect(io.err).not.toContain('\n');
    expect(io.timers).toBe(0);
  });

  it('writes one plain line every ten seconds where there is no terminal', () => {
    const { io, progress } = start({});
    io.pass(9_999);
    expect(io.err).toBe('');
    io.pass(10_000);
    progress.stop();
    expect(io.err).toMatch(/^99%, 1,500 settled, .* in flight\n$/);
  });

  it('writes plain lines with TERM=dumb', () => {
    const { io, progress } = start({ terminals: ['stderr'], env: { TERM: 'dumb' } });
    io.pass(10_000);
    progress.stop();
    expect(io.err).toMatch(/^[ -~]+\n$/);
  });

  it('redraws where standard output is a terminal, too', () => {
    const { io, progress } = start({ terminals: ['stderr', 'stdout'], env: { TERM: 'xterm' } });
    io.pass(400);
    progress.stop();
    expect(io.err.split('\r')).toHaveLength(4);
    expect(io.err).not.toContain('\n');
  });

  it('says what is known about connecting, printable', () => {
    const connecting = 'cannot connect, retrying: \u009b31m';
    const { io, progress } = start({ columns: 200, terminals: ['stderr'] }, { ...HALF, connecting });
    io.pass(200);
    progress.stop();
    expect(io.err).toContain('100 in flight, cannot connect, retrying: \\u009b31m');
  });

  it('redraws without colours under NO_COLOR', () => {
    const coloured = start({ terminals: ['stderr'], env: { TERM: 'xterm' } }).io;
    const plain = start({ terminals: ['stderr'], env: { TERM: 'xterm', NO_COLOR: '1' } }).io;
    coloured.pass(200);
    plain.pass(200);
    expect(coloured.err).toContain('\u001b[2m');
    expect(plain.err).not.toContain('\u001b[2m');
    expect(plain.err).toContain('1,500 settled');
  });

  it('keeps to the width of the terminal', () => {
    const { io } = start({ terminals: ['stderr'], env: { NO_COLOR: '1' }, columns: 20 });
    io.pass(200);
    expect(io.err.replace('\r\u001b[K', '')).toHaveLength(19);
  });

  it('shows the whole line on a terminal that does not know its width', () => {
    const { io } = start({ terminals: ['stderr'], env: { NO_COLOR: '1' }, columns: 0 });
    io.pass(200);
    expect(io.err).toMatch(/in flight$/);
  });

  it('shows no percentage where the size of the input is not known', () => {
    const { io } = start({}, { ...HALF, fraction: undefined });
    io.pass(10_000);
    expect(io.err).not.toContain('%');
  });
});
