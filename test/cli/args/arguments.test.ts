import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../../src/cli/args/arguments.js';

const SPECS = {
  to: { kind: 'text', value: 'TARGET', help: '' },
  connections: { kind: 'integer', value: 'N', help: '', max: 16 },
  'latency-ms': { kind: 'integer', value: 'MS', help: '', min: 0 },
  outcomes: { kind: 'choice', choices: ['all', 'none'], help: '' },
  quiet: { kind: 'flag', help: '' },
  'passphrase-file': { kind: 'text', value: 'FILE', help: '' },
} as const;

const parse = (...argv: string[]): unknown => parseArguments(argv, SPECS);

describe('parseArguments', () => {
  it('gives each option its type and keeps operands in order', () => {
    const { values, operands } = parseArguments(
      ['a', '--to', 't', '--connections=3', '-', '--outcomes', 'none', '--quiet', '--', '--b'],
      SPECS,
    );
    expect(values).toEqual({
      to: 't',
      connections: 3,
      'latency-ms': undefined,
      outcomes: 'none',
      quiet: true,
      'passphrase-file': undefined,
    });
    expect(operands).toEqual(['a', '-', '--b']);
  });

  it('takes a value that looks like an option when it is written with =', () => {
    expect(parseArguments(['--to=--quiet'], SPECS).values.to).toBe('--quiet');
  });

  it.each([
    ['an unknown option', ['--conections', '3'], /--conections[\s\S]*/, '--connections'],
    ['a secret on the command line', ['--passphrase=hunter2'], /--passphrase$/, '--passphrase-file'],
    ['an option named like a method', ['--toString'], /--toString/, undefined],
    ['a missing value', ['--to'], /--to TARGET/, undefined],
    ['a forgotten value', ['--to', '--quiet'], /--to TARGET/, undefined],
    ['an empty value', ['--to='], /--to TARGET/, undefined],
    ['a repeated option', ['--to', 'a', '--to', 'b'], /twice/, undefined],
    ['a value for a flag', ['--quiet=yes'], /takes no value/, undefined],
    ['a choice that is none', ['--outcomes', 'some'], /all, none/, undefined],
    ['a number above the limit', ['--connections', '17'], /from 1 to 16/, undefined],
    ['a number below the limit', ['--connections', '0'], /from 1 to 16/, undefined],
    ['half a number', ['--connections', '1.5'], /from 1 to 16/, undefined],
    ['a number in another notation', ['--connections', '0x2'], /from 1 to 16/, undefined],
    ['no number', ['--latency-ms', 'NaN'], /at least 0/, undefined],
    ['an unknown short option', ['-x'], /-x/, undefined],
  ])('refuses %s', (_, argv, message, suggestion) => {
    const error = thrownBy(() => parse(...argv));
    expect(error).toMatchObject({ exitCode: 64, message: expect.stringMatching(message) });
    if (suggestion !== undefined) expect(error.hint).toBe(`did you mean ${suggestion}?`);
  });

  it('never repeats the value of an unknown option', () => {
    const error = thrownBy(() => parse('--passphrase=hunter2'));
    expect(`${error.message}${error.hint}`).not.toContain('hunter2');
  });
});

function thrownBy(action: () => unknown): Error & { exitCode?: number; hint?: string } {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
