/** Defines commands: their options, their help and their function. */

import { usageError } from '../command-error.js';
import type { CommandIo } from '../io.js';
import { print } from '../output/output.js';
import {
  type Arguments,
  COMMON_OPTIONS,
  type OptionSpecs,
  type OptionValues,
  parseArguments,
} from './arguments.js';
import { helpOf } from './help.js';
import { adviceForOperand, shownValue } from './mistaken-value.js';

/** The definition of a command. */
export interface CommandDefinition<Specs extends OptionSpecs> {
  readonly name: string;
  /** One line for the overall help. */
  readonly summary: string;
  /** The usage line after the command's name, such as `[FILE…] --to TARGET`. */
  readonly usage: string;
  readonly options: Specs;
  /** Whether operands name files of input; otherwise there are none. */
  readonly takesFiles?: true;
  /** Paragraphs after the options. */
  readonly notes?: readonly string[];
  /** Example command lines. */
  readonly examples: readonly string[];
  /** Does the work and resolves with the exit code; whatever it throws is printed by the caller. */
  run(given: Arguments<Specs>, io: CommandIo): Promise<number>;
}

/** A command, whatever its options are. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Parses the arguments, then prints the help or runs the command. Resolves with the exit code. */
  run(argv: readonly string[], io: CommandIo): Promise<number>;
}

function refuseOperands(name: string, [first]: readonly string[]): void {
  if (first === undefined) return;
  throw usageError(
    `${name} takes options only, got ${shownValue(first)}`,
    adviceForOperand(first) ?? `run apns-streams ${name} --help to list them`,
  );
}

/** Turns a definition into a command. */
export function defineCommand<const Specs extends OptionSpecs>(
  definition: CommandDefinition<Specs>,
): Command {
  const specs = { ...definition.options, ...COMMON_OPTIONS };
  return {
    name: definition.name,
    summary: definition.summary,
    async run(argv, io) {
      const { values, operands } = parseArguments<OptionSpecs>(argv, specs);
      if (values['help']) {
        await print(io.stdout, helpOf({ ...definition, options: specs }));
        return 0;
      }
      if (definition.takesFiles !== true) refuseOperands(definition.name, operands);
      return definition.run({ values: values as OptionValues<Specs>, operands }, io);
    },
  };
}
