/**
 * Sends a file of notifications (NDJSON) and writes a file of outcomes (NDJSON), one for each line.
 *
 *     node examples/send-file.mjs [INPUT [OUTPUT]] [--host HOST --port PORT --cert FILE --key FILE --ca FILE]
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGatewayDelivery, createNdjsonParser, createNdjsonStringifier } from 'apns-streams';
import { openTarget, operands } from './target.mjs';

const sample = fileURLToPath(new URL('./data/notifications.ndjson', import.meta.url));
const [input = sample, output = 'outcomes.ndjson'] = operands;

const target = await openTarget();
const delivery = createGatewayDelivery(target.gateway);
const lines = createNdjsonStringifier();
let invalidLines = 0;

await pipeline(
  createReadStream(input),
  createNdjsonParser({
    // `raw`: payloads go out exactly as they stand in the file.
    payload: 'raw',
    // A line that holds no notification never reaches the delivery; its outcome is written here.
    onInvalid: ({ line, field, problem }) => {
      invalidLines++;
      lines.write({ status: 'invalid', line, field, message: problem });
    },
  }),
  delivery,
  lines,
  createWriteStream(output),
);

const { accepted, rejected, invalid, unsent, unknown, resent } = delivery.counts;
console.log(`${output}: ${accepted} accepted, ${rejected} rejected, ${invalid + invalidLines} invalid`);
console.log(`${unsent} unsent, ${unknown} unknown; ${resent} times a discarded one was sent again`);
await target.close();
