import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeCheckpoint } from '../../src/engine/binary/checkpoint.js';
import { decodeErrorResponse, encodeErrorResponse } from '../../src/protocol/binary/error-response.js';
import { decodeFeedbackTuple, encodeFeedbackTuple } from '../../src/protocol/binary/feedback-tuple.js';
import { decodeFrame, encodeFrame } from '../../src/protocol/binary/frame.js';
import { StatusCode } from '../../src/protocol/binary/status-code.js';
import { createFrameEncoder } from '../../src/transforms/frame-encoder.js';
import { annotatedHex } from '../vectors/annotated-hex.js';

const text = readFileSync(new URL('../../docs/protocol-binary.md', import.meta.url), 'utf8');
const blocks = new Map(
  Array.from(text.matchAll(/^```(hex [\w-]+|json)\n([^`]*)^```$/gm), ([, name, body]) => [
    name!.replace('hex ', ''),
    body!,
  ]),
);
const linesOf = (name: string): string[] => blocks.get(name)!.trimEnd().split('\n');
const bytesOf = (name: string): Buffer => annotatedHex(blocks.get(name)!);
const notification = JSON.parse(blocks.get('json')!);
const { payload, ...fields } = notification;

describe('docs/protocol-binary.md', () => {
  it('has no block that is not checked here', () => {
    expect([...blocks.keys()].sort()).toEqual([
      'checkpoint',
      'checkpoint-1',
      'checkpoint-answer',
      'command-0',
      'command-1',
      'command-2',
      'error-responses',
      'feedback-tuple',
      'json',
    ]);
  });

  it.each([2, 1, 0] as const)(
    'shows the notification as the encoder writes it with command %d',
    async (command) => {
      const bytes = bytesOf(`command-${command}`);
      const encoder = createFrameEncoder({ command });
      encoder.end(notification);
      expect(Buffer.concat(await encoder.toArray())).toEqual(bytes);
      expect(encodeFrame({ ...fields, payload: JSON.stringify(payload) }, command)).toEqual(bytes);
      expect(JSON.parse(decodeFrame(bytes).payload!.toString())).toEqual(payload);
    },
  );

  it('shows the expiration that command 1 gives to a notification without one', () => {
    expect(text).toContain('`7f ff ff ff`');
    expect(encodeFrame({ deviceToken: 'ab', payload: '{}' }, 1).toString('hex', 5, 9)).toBe('7fffffff');
  });

  it('shows an error response of every status code', () => {
    const shown = linesOf('error-responses').map((line) => {
      const bytes = annotatedHex(line);
      const response = decodeErrorResponse(bytes);
      expect(encodeErrorResponse(response)).toEqual(bytes);
      expect(response.identifier).toBe(7);
      expect(response.reason).toBe(line.split('  ')[1]);
      return [response.reason, response.statusCode];
    });
    expect(Object.fromEntries(shown)).toEqual(StatusCode);
  });

  it('has a row for every status code', () => {
    const rows = Array.from(text.matchAll(/^\| (\d+) \| (\w+) \|/gm), ([, code, reason]) => [
      reason,
      Number(code),
    ]);
    expect(Object.fromEntries(rows)).toEqual(StatusCode);
    expect(rows).toHaveLength(Object.keys(StatusCode).length);
  });

  it('shows the checkpoints that the sink writes, and the answer', () => {
    expect(encodeCheckpoint(0xffff_fffe)).toEqual(bytesOf('checkpoint'));
    expect(encodeCheckpoint(0xffff_fffe, 1)).toEqual(bytesOf('checkpoint-1'));
    expect(decodeFrame(bytesOf('checkpoint'))).toEqual({
      command: 2,
      identifier: 0xffff_fffe,
      deviceToken: '',
    });
    expect(decodeErrorResponse(bytesOf('checkpoint-answer'))).toMatchObject({
      reason: 'MissingDeviceToken',
      identifier: 0xffff_fffe,
    });
  });

  it('shows a feedback tuple', () => {
    const bytes = bytesOf('feedback-tuple');
    const tuple = { timestamp: fields.expiration, deviceToken: fields.deviceToken };
    expect(decodeFeedbackTuple(bytes)).toEqual(tuple);
    expect(encodeFeedbackTuple(tuple)).toEqual(bytes);
  });
});
