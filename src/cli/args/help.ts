/** Builds the help texts from the definitions that also check the arguments. */
import { type OptionSpec, type OptionSpecs, valueName } from './arguments.js';

const WIDTH = 92;
const INDENT = 32;

/** The content of a help text. */
export interface HelpTopic {
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly options: OptionSpecs;
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
}

/** The help of one command. */
export function helpOf(topic: HelpTopic): string {
  return [
    `Usage: apns-streams ${topic.name} ${topic.usage}`.trimEnd(),
    '',
    ...wrap(topic.summary, 0),
    '',
    'Options:',
    ...Object.entries(topic.options).flatMap(([name, spec]) => optionLines(name, spec)),
    ...(topic.notes ?? []).flatMap((note) => ['', ...wrap(note, 0)]),
    '',
    'Examples:',
    ...topic.examples.map((example) => `  ${example}`),
    '',
  ].join('\n');
}

/** The help of the whole program. */
export function overview(commands: readonly { readonly name: string; readonly summary: string }[]): string {
  return [
    'Usage: apns-streams COMMAND [OPTION…]',
    '',
    ...wrap('Apple push notifications as streams: NDJSON in, exactly one outcome per notification out.', 0),
    '',
    'Commands:',
    ...commands.flatMap(({ name, summary }) => entry(name, summary, 14)),
    ...entry('help COMMAND', 'Show the help of a command, like COMMAND --help.', 14),
    '',
    'Options:',
    ...entry('--help', 'Show this help; after a command, show the help of that command.', 14),
    ...entry('--version', 'Show the version.', 14),
    '',
    'Examples:',
    '  apns-streams send --help',
    '  apns-streams send notifications.ndjson --to simulator:binary',
    '',
  ].join('\n');
}

function optionLines(name: string, spec: OptionSpec): readonly string[] {
  const value = valueName(spec);
  return entry(`--${name}${value === '' ? '' : ` ${value}`}`, spec.help, INDENT);
}

/** Prints a term and its explanation in two columns; a long term gets a separate line. */
function entry(term: string, explanation: string, indent: number): string[] {
  const lines = wrap(explanation, indent);
  const head = `  ${term}`;
  if (head.length > indent - 2) return [head, ...lines];
  return [head.padEnd(indent) + lines[0]!.trimStart(), ...lines.slice(1)];
}

function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + each);
}
