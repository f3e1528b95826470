/**
 * Moves from the binary protocol to HTTP/2: the same lines of NDJSON over both wires, and where their outcomes
 * differ. What changes in a program is the name of the delivery, and whom it speaks as; the rest stays.
 *
 *     node examples/both-wires.mjs [FILE]
 */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBinaryDelivery, createHttp2Delivery, createNdjsonParser } from 'apns-streams';
import { openTarget, operands } from './target.mjs';

const [file = fileURLToPath(new URL('./data/notifications.ndjson', import.meta.url))] = operands;
const target = await openTarget();

/** The outcomes of the whole file, by line. */
async function sendOver(delivery) {
  const outcomes = new Map();
  const onInvalid = ({ line, problem }) => outcomes.set(line, { status: 'invalid', message: problem });
  await pipeline(createReadStream(file), createNdjsonParser({ onInvalid }), delivery, async (settled) => {
    for await (const outcome of settled) outcomes.set(outcome.line, outcome);
  });
  return outcomes;
}

// Before: certificates, frames, and no response for accepted notifications.
const binary = await sendOver(createBinaryDelivery(target.gateway));
// After: a provider token (or the same certificate), a topic, and a response for every notification.
const http2 = await sendOver(createHttp2Delivery(target.http2));

const show = ({ status, statusCode = '', reason = '' }) => `${status} ${statusCode} ${reason}`.trim();
let same = 0;
for (const [line, before] of [...binary].sort(([a], [b]) => a - b)) {
  const after = http2.get(line);
  if (show(before) === show(after)) same++;
  // The main differences: payloads may have 4096 bytes instead of 2048, and reasons have other names.
  else console.log(`line ${line}: ${show(before)} → ${show(after)}`);
}
console.log(`${same} of ${binary.size} lines have the same outcome`);
await target.close();
