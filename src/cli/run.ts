/** Runs the command line as a function of arguments and streams, which returns the exit code. */
import { readFileSync } from 'node:fs';
import { COMMON_OPTIONS, parseArguments, unknownName } from './args/arguments.js';
import type { Command } from './args/command.js';
import { overview } from './args/help.js';
import { usageError } from './command-error.js';
import { decodeCommand } from './commands/decode.js';
import { encodeCommand } from './commands/encode.js';
import { feedbackCommand } from './commands/feedback.js';
import { lintCommand } from './commands/lint.js';
import { sendCommand } from './commands/send.js';
import { simulateCommand } from './commands/simulate.js';
import { exitCodeOfError } from './exit-status.js';
import type { CommandIo } from './io.js';
import { formatError } from './output/format-error.js';
import { print } from './output/output.js';
import { withSafeOutput } from './output/safe-output.js';

const COMMANDS: readonly Command[] = [
  sendCommand,
  feedbackCommand,
  simulateCommand,
  lintCommand,
  encodeCommand,
  decodeCommand,
];

const OPTIONS = { ...COMMON_OPTIONS, version: { kind: 'flag', help: 'Show the version.' } } as const;

/** Runs one command line (without interpreter and script path). Never rejects; it writes errors to its `stderr`. */
export async function run(argv: readonly string[], process: CommandIo): Promise<number> {
  const io = withSafeOutput(process);
  try {
    return await dispatch(argv, io);
  } catch (error) {
    io.stderr.write(formatError(error));
    return exitCodeOfError(error);
  }
}

async function dispatch(argv: readonly string[], io: CommandIo): Promise<number> {
  const [first, ...rest] = argv;
  if (first !== undefined && !first.startsWith('-')) {
    if (first !== 'help') return commandCalled(first).run(rest, io);
    const [topic, ...more] = rest.filter((argument) => argument !== '--help' && argument !== '-h');
    if (more.length > 0) throw usageError('help takes one COMMAND', 'apns-streams help COMMAND');
    return topic === undefined ? dispatch(['--help'], io) : commandCalled(topic).run(['--help'], io);
  }
  const { values, operands } = parseArguments(argv, OPTIONS);
  if (values.version) {
    if (operands.length > 0) throw usageError('--version takes no operands');
    await print(io.stdout, `${packageVersion()}\n`);
    return 0;
  }
  if (values.help) {
    await print(io.stdout, overview(COMMANDS));
    return 0;
  }
  throw usageError('no command given', 'run apns-streams --help to list the commands');
}

function commandCalled(given: string): Command {
  const command = COMMANDS.find(({ name }) => name === given);
  if (command !== undefined) return command;
  throw unknownName('command', given, [...COMMANDS.map(({ name }) => name), 'help']);
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
