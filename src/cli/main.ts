#!/usr/bin/env node
/** The entry of the `apns-streams` command, and the only file of it that touches process globals. */
import type { Clock, CommandIo, StopSignal } from './io.js';
import { run } from './run.js';
import { StatusLine } from './status-line.js';

const clock: Clock = {
  now: () => performance.now(),
  every(ms, tick) {
    const timer = setInterval(tick, ms).unref();
    return () => clearInterval(timer);
  },
};

const io: CommandIo = {
  // Getters: merely looking at process.stdin opens it.
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  status: new StatusLine(process.stderr),
  env: process.env,
  clock,
  onSignal(listener) {
    const handler = (signal: NodeJS.Signals): void => listener(signal as StopSignal);
    process.on('SIGINT', handler).on('SIGTERM', handler);
    return () => process.off('SIGINT', handler).off('SIGTERM', handler);
  },
};

// Nobody reads the words any more; the work goes on, and its exit code still tells how it went.
process.stderr.on('error', () => {});

// Not process.exit(): it would cut off what standard output still holds.
process.exitCode = await run(process.argv.slice(2), io);
