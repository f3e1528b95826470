/** What the tests of this project need: servers and commands of the system, and sometimes root. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type TestAPI, test } from 'vitest';

/** Debian puts servers where the PATH of a user may not lead. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/** Returns the path of a command, or undefined where it is not installed. */
export function findCommand(command: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, command)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** {@link testUnless} a command is missing. */
export function testWith(...commands: readonly string[]): TestAPI | TestAPI['skip'] {
  const missing = commands.filter((command) => findCommand(command) === undefined).join(' and ');
  return testUnless(missing === '' ? undefined : `${missing} is not installed: see CONTRIBUTING.md`);
}

/**
 * Returns `test`. With a reason against it, the tests are skipped under a name that gives the reason, unless
 * APNS_STREAMS_INTEROP=required, as in CI: there they run and fail.
 */
export function testUnless(reason: string | undefined): TestAPI | TestAPI['skip'] {
  if (reason === undefined || process.env['APNS_STREAMS_INTEROP'] === 'required') return test;
  test.skip(reason);
  return test.skip;
}
