/**
 * Sends a file of notifications (NDJSON) and writes a file of outcomes (NDJSON), one for each line, even if
 * the gateway fails halfway.
 *
 *     node examples/send-file.mjs [INPUT [OUTPUT]] [--environment … | --wire binary …]
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import {
  createBinaryDelivery,
  createHttp2Delivery,
  createNdjsonParser,
  createNdjsonStringifier,
} from 'apns-streams';
import { openTarget, operands } from './target.mjs';

const sample = fileURLToPath(new URL('./data/notifications.ndjson', import.meta.url));
const [input = sample, output = 'outcomes.ndjson'] = operands;

const target = await openTarget();
const delivery =
  target.wire === 'binary' ? createBinaryDelivery(target.gateway) : createHttp2Delivery(target.http2);
const lines = createNdjsonStringifier();
let invalidLines = 0;

const parser = createNdjsonParser({
  // `raw`: payloads go out exactly as they stand in the file.
  payload: 'raw',
  // A line that holds no notification never reaches the delivery; its outcome is written here.
  onInvalid: ({ line, field, problem }) => {
    invalidLines++;
    lines.write({ status: 'invalid', line, field, message: problem });
  },
});

/** Every outcome; when the delivery fails it still has one for each notification, and then the error. */
async function* outcomesOf(delivery) {
  try {
    yield* delivery;
  } catch {
    // Told by the pipeline that the delivery ends.
  }
}

// Not in one pipeline: a failure would throw away the outcomes that are on their way to the file.
const endings = await Promise.allSettled([
  pipeline(createReadStream(input), parser, delivery),
  pipeline(outcomesOf(delivery), lines, createWriteStream(output)),
]);

const { accepted, rejected, invalid, unsent, unknown, resent } = delivery.counts;
console.log(`${output}: ${accepted} accepted, ${rejected} rejected, ${invalid + invalidLines} invalid`);
console.log(`${unsent} unsent, ${unknown} unknown; ${resent} times a discarded one was sent again`);
await target.close();
for (const { reason } of endings) {
  if (reason !== undefined) console.error(reason.code, reason.message);
  if (reason !== undefined) process.exitCode = 1;
}
