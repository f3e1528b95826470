/** docs/reasons.md names every reason that an outcome can have, with its number where it has one. */
import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { reasonOf } from '../../src/connection/connection-error.js';
import { ApnsError, type ApnsErrorCode } from '../../src/core/errors.js';
import { REASON_STATUS } from '../../src/core/reason.js';
import { lossReason, resetReason } from '../../src/engine/http2/errors.js';
import { StatusCode } from '../../src/protocol/binary/status-code.js';
import { Http2ErrorCode } from '../../src/protocol/http2/error-code.js';

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const parts = (await read('docs/reasons.md')).split(/^## /m).slice(1);
const [ours, http2, binary] = parts as [string, string, string];

/** The numbers that a reason's row gives it, or all of its row's where they differ. */
function numbersOf(part: string, reason: string): string[] {
  const row = part.split('\n').find((line) => line.split(' | ')[0]!.includes(`\`${reason}\``)) ?? '';
  return row.split(' | ')[1]?.match(/\d+/g) ?? [];
}

test.each(Object.entries(REASON_STATUS))('names %s of HTTP/2, with status %d', (reason, status) => {
  expect(http2).toContain(`\`${reason}\``);
  const numbers = numbersOf(http2, reason);
  if (numbers.length > 0) expect(numbers).toContain(`${status}`);
});

test.each(Object.entries(StatusCode))('names %s of the binary wire, with status code %d', (reason, code) => {
  expect(numbersOf(binary, reason)).toContain(`${code}`);
});

test('names those that the sources give themselves', async () => {
  const files = await Promise.all(
    ['engine', 'sinks', 'deliveries'].map(async (room) => {
      const names = await readdir(new URL(`../../src/${room}/`, import.meta.url), { recursive: true });
      return names.filter((name) => name.endsWith('.ts')).map((name) => `src/${room}/${name}`);
    }),
  );
  const sources = await Promise.all(files.flat().map(read));
  const written = sources.flatMap((source) =>
    [...source.matchAll(/(?:reason: |pending, |\? |(?:destroy|giveUp\w*|stop)\()'([A-Z][A-Za-z]+)'/g)].map(
      ([, reason]) => reason!,
    ),
  );
  expect(written).toEqual(expect.arrayContaining(['Aborted', 'DeadlineExceeded', 'MalformedResponse']));
  const lost = [undefined, 'APNS_ERR_TIMEOUT', 'APNS_ERR_CLOSED'].map((code) =>
    lossReason(code === undefined ? code : new ApnsError(code as ApnsErrorCode, '')),
  );
  const reset = [Http2ErrorCode.INTERNAL_ERROR, Http2ErrorCode.CANCEL, Http2ErrorCode.REFUSED_STREAM].map(
    resetReason,
  );
  for (const reason of new Set([...written, ...lost, ...reset])) expect(ours).toContain(`\`${reason}\``);
});

/** Those that are thrown at once, or are about something else than sending; what this side closes was aborted. */
const NEVER: readonly string[] = ['InvalidOption', 'InvalidNotification', 'NotNdjson', 'Channel', 'Closed'];

test('names those that come from an error', async () => {
  const codes = [...(await read('docs/errors.md')).matchAll(/^### (APNS_ERR_\w+)$/gm)].map(
    ([, code]) => code!,
  );
  const reasons = codes.map((code) => reasonOf(new ApnsError(code as ApnsErrorCode, '')));
  expect(reasons.length).toBeGreaterThan(20);
  for (const reason of reasons.filter((each) => !NEVER.includes(each)))
    expect(ours).toContain(`\`${reason}\``);
});
