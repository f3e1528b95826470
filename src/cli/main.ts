#!/usr/bin/env node
/**
 * The entry of the `apns-streams` command. Old versions of Node must be able to parse this file, so that it can report
 * the required version. It is ES5 except for one `import()`, which the build turns into `require()`: Node links static
 * imports before it runs the first line.
 */

var version = process.versions.node.split('.').map(Number);

if (version[0]! > 20 || (version[0] === 20 && version[1]! >= 19)) {
  // biome-ignore lint/complexity/useArrowFunction: see above
  void import('./start.js').then(function (command) {
    return command.start();
  });
} else {
  process.stderr.write(
    'apns-streams: Node 20.19 or later is required, but this is Node ' +
      process.versions.node +
      '\n  install a newer version, or put one first in PATH: https://nodejs.org/en/download\n',
  );
  process.exitCode = 78;
}
