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
  // `raw` sends payloads byte for byte as in the file.
  payload: 'raw',
  // The parser does not pass invalid lines to the delivery, so write their outcomes here.
  onInvalid: ({ line, field, problem }) => {
    invalidLines++;
    lines.write({ status: 'invalid', line, field, message: problem });
  },
});

/** Yields every outcome. A delivery that fails first yields an outcome for each notification, then its error. */
async function* outcomesOf(delivery) {
  try {
    yield* delivery;
  } catch {
    // The first pipeline below reports this error.
  }
}

// Use two pipelines, because a failure of a single one would drop outcomes that are not in the file yet.
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
