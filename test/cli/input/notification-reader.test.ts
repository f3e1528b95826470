import { Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Input } from '../../../src/cli/input/input.js';
import { fileOf } from '../../../src/cli/input/notification-file.js';
import { type LineFilter, NotificationReader } from '../../../src/cli/input/notification-reader.js';
import type { InvalidNotificationError } from '../../../src/core/errors.js';
import type { Notification } from '../../../src/core/notification.js';
import { getSourceLine } from '../../../src/core/source-line.js';

const LINE = '{"deviceToken":"aabb","payload":{"aps":{}}}\n';

function input(text: string, name = 'in.ndjson', chunkBytes = 16): Input {
  const chunks = text.match(new RegExp(`[^]{1,${chunkBytes}}`, 'g')) ?? [];
  return {
    name,
    size: text.length,
    open: () =>
      Readable.from(
        chunks.map((chunk) => Buffer.from(chunk)),
        { objectMode: false },
      ),
  };
}

interface Run {
  readonly feed: NotificationReader;
  readonly taken: Notification[];
  readonly invalid: [InvalidNotificationError, string | undefined][];
  settled: number;
}

function setUp(inputs: readonly Input[], into?: Writable, gate?: LineFilter): Run {
  const taken: Notification[] = [];
  const invalid: Run['invalid'] = [];
  const run = { taken, invalid, settled: 0 };
  const feed = new NotificationReader({
    inputs,
    maxLineBytes: undefined,
    into:
      into ??
      new Writable({
        objectMode: true,
        write(notification: Notification, _encoding, callback) {
          taken.push(notification);
          callback();
        },
      }),
    onInvalid: (error, file) => invalid.push([error, file]),
    settled: () => run.settled,
    filter: gate,
  });
  return Object.assign(run, { feed });
}

const UNTIL_END = new AbortController().signal;

describe('NotificationReader', () => {
  it('counts lines in each file and names the file where there are several', async () => {
    const { feed, taken, invalid } = setUp([input(`${LINE}${LINE}`, 'a'), input(`nonsense\n${LINE}`, 'b')]);
    await feed.run(UNTIL_END);
    expect(taken.map((each) => [fileOf(each), getSourceLine(each)])).toEqual([
      ['a', 1],
      ['a', 2],
      ['b', 2],
    ]);
    expect(invalid.map(([error, file]) => [file, error.line])).toEqual([['b', 1]]);
    expect(feed.last).toEqual({ file: 'b', line: 2 });
    expect(feed.submitted).toBe(3);
  });

  it('names no file where there is one', async () => {
    const { feed, taken } = setUp([input(LINE)]);
    await feed.run(UNTIL_END);
    expect(fileOf(taken[0])).toBeUndefined();
  });

  it('takes the share of the input from settled lines alone', async () => {
    const run = setUp([input(LINE.repeat(8)), input(`${LINE}${LINE.trimEnd()}`)]);
    await run.feed.run(UNTIL_END);
    expect(run.feed.fraction).toBe(0);
    run.settled = 5;
    expect(run.feed.fraction).toBeCloseTo(0.5, 1);
    run.settled = 9;
    expect(run.feed.fraction).toBeLessThan(1);
    run.settled = 10;
    expect(run.feed.fraction).toBe(1);
  });

  it.each([20, 300, 2000])(
    'shows the share of settled lines while %d lines are sent slowly',
    async (count) => {
      const waiting: (() => void)[] = [];
      const slow = new Writable({
        objectMode: true,
        highWaterMark: 1,
        write: (_notification, _encoding, callback) => waiting.push(callback),
      });
      const run = setUp([input(LINE.repeat(count), 'in', 65_536)], slow);
      const done = run.feed.run(UNTIL_END);
      for (run.settled = 0; run.settled < count; ) {
        while (waiting.length === 0) await new Promise(setImmediate);
        run.settled++;
        if (run.settled < count) expect(run.feed.fraction).toBeCloseTo(run.settled / count, 1);
        expect(run.feed.fraction).toBeLessThan(1);
        waiting.shift()!();
      }
      await done;
      expect(run.feed.fraction).toBe(1);
    },
  );

  it('shows no 100 % for an estimate that is too high', async () => {
    const waiting: (() => void)[] = [];
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write: (_notification, _encoding, callback) => waiting.push(callback),
    });
    const long = LINE.replace('{}', `{"alert":"${'x'.repeat(2000)}"}`);
    const run = setUp([input(`${long}${LINE.repeat(60)}${'nonsense\n'.repeat(9)}`, 'in', 65_536)], slow);
    const done = run.feed.run(UNTIL_END);
    while (waiting.length === 0) await new Promise(setImmediate);
    run.settled = 9;
    expect(run.feed.fraction).toBe(0.99);
    for (let taken = 0; taken < 61; taken++) {
      while (waiting.length === 0) await new Promise(setImmediate);
      waiting.shift()!();
    }
    await done;
    expect(run.feed.fraction).toBeCloseTo(9 / 70);
  });

  it('leaves out what its gate does not admit, and takes it for settled', async () => {
    const gate = {
      admit: (line: number) => line > 4,
      admitInvalid: (line: number) => line !== 2,
      hold: () => false,
    };
    const run = setUp([input(`${LINE}nonsense\n${LINE}${LINE}${LINE}nonsense\n`)], undefined, gate);
    await run.feed.run(UNTIL_END);
    expect(run.taken.map(getSourceLine)).toEqual([5]);
    expect(run.invalid.map(([error]) => error.line)).toEqual([6]);
    expect(run.feed.submitted).toBe(1);
    expect(run.feed.fraction).toBeGreaterThan(0.5);
    expect(run.feed.fraction).toBeLessThan(1);
    run.settled = 2;
    expect(run.feed.fraction).toBe(1);
  });

  it('hands nothing over while its gate holds it', async () => {
    const releases: (() => void)[] = [];
    const gate = {
      admit: () => true,
      admitInvalid: () => true,
      hold: (release: () => void) => releases.push(release) > 0,
    };
    const run = setUp([input(LINE.repeat(40))], undefined, gate);
    const done = run.feed.run(UNTIL_END);
    for (let taken = 1; taken <= 40; taken++) {
      while (releases.length === 0) await new Promise(setImmediate);
      expect(run.taken).toHaveLength(taken);
      releases.shift()!();
    }
    await done;
  });

  it('knows no share of an input without a size', async () => {
    const { feed } = setUp([{ ...input(LINE), size: undefined }]);
    await feed.run(UNTIL_END);
    expect(feed.fraction).toBeUndefined();
  });

  it('stops where the stream behind it is full, and goes on when it drains', async () => {
    const waiting: (() => void)[] = [];
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write: (_notification, _encoding, callback) => waiting.push(callback),
    });
    const { feed } = setUp([input(LINE.repeat(50))], slow);
    let isDone = false;
    const done = feed.run(UNTIL_END).then(() => {
      isDone = true;
    });
    for (let served = 0; served < 50; served++) {
      while (waiting.length === 0) await new Promise(setImmediate);
      expect(feed.submitted).toBe(served + 1);
      expect(isDone).toBe(false);
      waiting.shift()!();
    }
    await done;
  });

  it('stops reading when it is aborted, and leaves the stream behind it open', async () => {
    const abort = new AbortController();
    const endless = new Readable({ read() {} });
    endless.push(LINE);
    const seen = new Promise<void>((resolve) => {
      const into = new Writable({
        objectMode: true,
        write(_notification, _encoding, callback) {
          callback();
          resolve();
        },
      });
      const { feed } = setUp([{ name: '-', size: undefined, open: () => endless }], into);
      void feed.run(abort.signal).catch((error) => {
        expect(error.name).toBe('AbortError');
        expect(into.destroyed).toBe(false);
        expect(into.writableEnded).toBe(false);
        ended();
      });
    });
    let ended: () => void = () => {};
    const stopped = new Promise<void>((resolve) => {
      ended = resolve;
    });
    await seen;
    abort.abort();
    await stopped;
    expect(endless.destroyed).toBe(true);
  });

  it('tells an input that breaks off from one that is no NDJSON', async () => {
    const broken = new Readable({
      read() {
        this.destroy(Object.assign(new Error('i/o error'), { code: 'EIO', syscall: 'read' }));
      },
    });
    await expect(
      setUp([{ name: 'disk', size: 5, open: () => broken }]).feed.run(UNTIL_END),
    ).rejects.toMatchObject({ exitCode: 74 });
    await expect(
      setUp([{ ...input(''), open: () => Readable.from([Buffer.from([0x1f, 0x8b, 8, 0, 0])]) }]).feed.run(
        UNTIL_END,
      ),
    ).rejects.toMatchObject({ code: 'APNS_ERR_NOT_NDJSON' });
  });
});
