/** Parses command-line arguments into typed values. Every error names the option and what to write instead. */
import { parseArgs } from 'node:util';
import { nearestName } from '../../core/nearest-name.js';
import { type CommandError, usageError } from '../command-error.js';
import {
  adviceForContents,
  adviceForOperand,
  certainlyMistaken,
  mistakenFor,
  shownValue,
} from './mistaken-value.js';

/** One option of a command; its help text and its check come from the same place. */
export type OptionSpec =
  | { readonly kind: 'flag'; readonly help: string }
  | {
      readonly kind: 'text';
      readonly value: string;
      readonly help: string;
      /** The content of the file that the value names, such as `the key`. */
      readonly contents?: string;
    }
  | {
      readonly kind: 'integer';
      readonly value: string;
      readonly help: string;
      readonly min?: number;
      readonly max?: number;
    }
  | { readonly kind: 'choice'; readonly choices: readonly string[]; readonly help: string };

/** The options of a command, by name without the leading hyphens. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values of the options of `Specs`. An absent option is `undefined`, an absent flag `false`. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends { kind: 'flag' }
    ? boolean
    : Specs[Name] extends { kind: 'integer' }
      ? number | undefined
      : Specs[Name] extends { kind: 'choice'; choices: readonly (infer Choice)[] }
        ? Choice | undefined
        : string | undefined;
};

/** A parsed command line. */
export interface Arguments<Specs extends OptionSpecs> {
  readonly values: OptionValues<Specs>;
  /** The arguments that are not options; `-` stands for standard input. */
  readonly operands: readonly string[];
}

/** Every command has these. */
export const COMMON_OPTIONS = { help: { kind: 'flag', help: 'Show this help.' } } as const;

/**
 * Reads `argv` by `specs`.
 *
 * @throws {CommandError} exit code 64: an unknown or repeated option, a missing or unusable value
 */
export function parseArguments<Specs extends OptionSpecs>(
  argv: readonly string[],
  specs: Specs,
): Arguments<Specs> {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { kind }]) => [
      name,
      { type: kind === 'flag' ? 'boolean' : 'string', ...(name === 'help' ? { short: 'h' } : {}) } as const,
    ]),
  );
  // The strict mode of parseArgs is off, because its errors name neither the nearest option nor the expected value.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const values: Record<string, string | number | boolean | undefined> = {};
  const operands: string[] = [];
  for (const [name, { kind }] of Object.entries(specs)) values[name] = kind === 'flag' ? false : undefined;
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName } = token;
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (spec === undefined) throw unknownOption(rawName, Object.keys(specs));
    if (values[name] !== undefined && values[name] !== false) throw usageError(`${rawName} is given twice`);
    values[name] = readValue(rawName, spec, token.value, token.inlineValue === true);
  }
  return { values: values as OptionValues<Specs>, operands };
}

/** The error for a name that is not `known`, with the most similar known name. */
export function unknownName(
  what: string,
  given: string,
  known: readonly string[],
  prefix = '',
): CommandError {
  const nearest = nearestName(given, known);
  // The text after the hyphens can be anything, such as the value of an option that lost its quotes.
  const bare = given.startsWith('-----') ? given : given.replace(/^--?/, '');
  return usageError(
    `unknown ${what} ${mistakenFor(bare) === undefined ? shownValue(given) : shownValue(bare)}`,
    nearest === undefined
      ? (adviceForOperand(bare) ?? `use one of ${known.map((name) => prefix + name).join(', ')}`)
      : `did you mean ${prefix}${nearest}?`,
  );
}

/** The name of an option's value in help and in errors. */
export function valueName(spec: OptionSpec): string {
  if (spec.kind === 'flag') return '';
  return spec.kind === 'choice' ? spec.choices.join('|') : spec.value;
}

function unknownOption(rawName: string, known: readonly string[]): CommandError {
  // The error does not contain the value, because `--passphrase=…` must not appear in a log.
  return unknownName('option', rawName, known, '--');
}

/** The kinds of text that are paths, and of what. */
const PATHS: Readonly<Record<string, string>> = { FILE: 'file', LEDGER: 'file', DIR: 'directory' };

/** Rejects a value that cannot be a path, before another error repeats the value. */
function checkPath(rawName: string, spec: OptionSpec & { readonly kind: 'text' }, value: string): void {
  const what = PATHS[spec.value];
  const mistaken = certainlyMistaken(value);
  if (what === undefined || mistaken === undefined) return;
  throw usageError(`${rawName} must be the path of a ${what}`, adviceForContents(spec.contents ?? mistaken));
}

function readValue(
  rawName: string,
  spec: OptionSpec,
  value: string | undefined,
  inline: boolean,
): string | number | boolean {
  if (spec.kind === 'flag') {
    if (value !== undefined) throw usageError(`${rawName} takes no value`);
    return true;
  }
  if (value !== undefined && spec.kind === 'text') checkPath(rawName, spec, value);
  // `--cert --key k.pem` forgets a value; a file called `--key` can still be given as `--cert=--key`.
  if (value === undefined || value === '' || (!inline && /^--./.test(value))) {
    throw usageError(`${rawName} needs a value: ${rawName} ${valueName(spec)}`);
  }
  switch (spec.kind) {
    case 'text':
      return value;
    case 'choice':
      if (spec.choices.includes(value)) return value;
      throw usageError(`${rawName} must be one of ${spec.choices.join(', ')}, got ${shownValue(value)}`);
    case 'integer': {
      const { min = 1, max = Number.MAX_SAFE_INTEGER } = spec;
      const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
      if (number >= min && number <= max) return number;
      const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
      throw usageError(`${rawName} must be a whole number ${range}, got ${shownValue(value)}`);
    }
  }
}
