/** The NDJSON of a plan, and the sources it comes from. */
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { encodeTokenFault } from '../../src/simulator/token-fault.js';
import { afterTurns } from '../support/unruly-gateway.js';
import type { LinePlan, ModelPlan, SourcePlan } from './model-plan.js';

/** Where a run's notifications come from: what `pipeline()` takes first. */
export type Source = NodeJS.ReadableStream | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;

export interface ModelInput {
  readonly bytes: Buffer;
  /** Lines that are not empty; each is owed exactly one of: an outcome, a report of the parser or the encoder. */
  readonly count: number;
  /** Those that nothing is wrong with. */
  readonly goodCount: number;
  /** The length of the lines of all that are notifications, by device token. */
  readonly lineBytes: ReadonlyMap<string, number>;
  /** The device tokens of all that are notifications, with their place in the input. */
  readonly places: ReadonlyMap<string, number>;
}

/** Thrown by a source that fails as planned. */
export class SourceError extends Error {}

/** Behind so many chunks a source is as fast as it can be. */
const SLOW_CHUNKS = 40;

/** An input has fewer lines than this, so that their device tokens are no other run's. */
const MAX_LINES = 256;

/** @param nth of the run, so that no two runs have a device token in common */
export function createInput(plan: ModelPlan, nth: number): ModelInput {
  const places = new Map<string, number>();
  const lineBytes = new Map<string, number>();
  const chunks: Buffer[] = [];
  let count = 0;
  let goodCount = 0;
  for (const [place, line] of plan.lines.entries()) {
    const deviceToken = tokenOf(line, nth * MAX_LINES + place);
    if (line.kind !== 'empty') count++;
    if (line.kind === 'good') goodCount++;
    places.set(deviceToken, place);
    const bytes = encodeLine(plan, line, deviceToken, place);
    lineBytes.set(deviceToken, bytes.length);
    chunks.push(bytes);
  }
  return { bytes: Buffer.concat(chunks), count, goodCount, lineBytes, places };
}

/** A device token for a line, no other serial's. */
export function tokenOf(line: LinePlan, serial: number): string {
  if (line.kind === 'fault') return encodeTokenFault(line.name, line.argument, serial);
  return serial.toString(16).padStart(64, '0');
}

/** The largest payload of a plan's wire. */
function payloadLimit({ route, command }: Pick<ModelPlan, 'route' | 'command'>): number {
  if (route.startsWith('http2')) return 4096;
  return command === 2 ? 2048 : 256;
}

/** The context of the notification at a place in the input. */
export function contextOf({ contextBytes }: Pick<ModelPlan, 'contextBytes'>, place: number): object {
  return contextBytes === 0 ? { place } : { place, note: 'x'.repeat(contextBytes) };
}

/** A line of NDJSON; `place` is in its context. */
export function encodeLine(
  plan: Pick<ModelPlan, 'route' | 'command' | 'contextBytes'>,
  line: LinePlan,
  deviceToken: string,
  place: number,
): Buffer {
  if (line.kind === 'empty') return Buffer.from('\r\n');
  const how = line.kind === 'invalid' ? line.how : undefined;
  if (how === 'nonsense') return Buffer.from(`nonsense ${place}\n`);
  const limit = payloadLimit(plan);
  const size = line.kind === 'good' ? line.payload : 'small';
  const bytes = how === 'too large' ? limit + 1 : { small: 30, medium: 200, limit }[size];
  const payload = '{"aps":{"alert":""}}'.replace('""', `"${'x'.repeat(bytes - 20)}"`);
  const isText = line.kind === 'good' && line.isText;
  const fields = [
    `"deviceToken":"${how === 'odd token' ? deviceToken.slice(1) : deviceToken}"`,
    ...(how === 'no payload' ? [] : [`"payload":${isText ? JSON.stringify(payload) : payload}`]),
    ...(how === 'unknown field' ? ['"token":"x"'] : []),
    ...(how === 'not UTF-8' ? ['"collapseId":"\u00ff"'] : []),
    `"context":${JSON.stringify(contextOf(plan, place))}`,
  ];
  return Buffer.from(`{${fields.join(',')}}\n`, how === 'not UTF-8' ? 'latin1' : 'utf8');
}

/** The source of a plan. @param over aborted when the run has ended, whatever became of it */
export function createSource(plan: ModelPlan, { bytes }: ModelInput, over: AbortSignal): Source {
  const chunks = chunksOf(plan, bytes, over);
  switch (plan.source.kind) {
    case 'readable':
      return Readable.from(chunks, { objectMode: false, highWaterMark: 1024 });
    case 'generator':
      return chunks;
    case 'web':
      return webStreamOf(chunks);
  }
}

async function* chunksOf(
  { source, ending }: ModelPlan,
  bytes: Buffer,
  over: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { chunkBytes, turnsBetween, failsAt } = source;
  let nth = 0;
  for (let start = 0; start < bytes.length; nth++) {
    if (failsAt === nth) throw new SourceError('the source fails as planned');
    const end = start + chunkBytes[nth % chunkBytes.length]!;
    yield bytes.subarray(start, end);
    start = end;
    if (nth < SLOW_CHUNKS) await afterTurns(turnsBetween);
  }
  if (failsAt !== null) throw new SourceError('the source fails as planned');
  while (isLasting(source, ending.kind) && !over.aborted) {
    await afterTurns(2);
    yield Buffer.from('\n');
  }
}

function isLasting(source: SourcePlan, ending: ModelPlan['ending']['kind']): boolean {
  return source.isLasting && (ending === 'abort' || ending === 'destroy');
}

function webStreamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
}
