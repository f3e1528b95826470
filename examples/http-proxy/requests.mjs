/** Handles the requests of the HTTP proxy example. */
import { pipeline } from 'node:stream/promises';
import { createNdjsonParser, createNdjsonStringifier } from 'apns-streams';
import { Lane } from './lane.mjs';

const MAX_NOTIFICATION_BYTES = 8 * 1024;
const MAX_IN_FLIGHT = 10_000;

/** The HTTP status for the outcome of a single notification. */
const STATUS = { accepted: 200, presumed: 202, rejected: 422, invalid: 400, unsent: 503, unknown: 504 };

/** POST /notifications, with one notification as JSON or any number as NDJSON. */
export async function handleRequest(request, response, shared) {
  if (request.url !== '/notifications') return answer(response, 404, 'there is only /notifications');
  if (request.method !== 'POST') return answer(response, 405, 'use POST');
  const type = request.headers['content-type']?.split(';', 1)[0].trim().toLowerCase();
  if (type === 'application/json') return sendOne(request, response, shared);
  if (type === 'application/x-ndjson') return sendMany(request, response, shared);
  return answer(response, 415, 'use application/json or application/x-ndjson');
}

async function sendOne(request, response, shared) {
  const body = await readBody(request, MAX_NOTIFICATION_BYTES);
  if (body === undefined) return answer(response, 413, `at most ${MAX_NOTIFICATION_BYTES} bytes`);
  const notification = parseJson(body);
  if (typeof notification !== 'object' || notification === null) {
    return answer(response, 400, 'the body must be a JSON object');
  }
  const lane = new Lane(shared, 1);
  lane.end(notification);
  for await (const outcome of lane) answer(response, STATUS[outcome.status], outcome);
}

async function sendMany(request, response, shared) {
  const lane = new Lane(shared, MAX_IN_FLIGHT);
  const parser = createNdjsonParser({
    payload: 'raw',
    maxLineBytes: MAX_NOTIFICATION_BYTES,
    onInvalid: (error) => lane.addInvalid(error),
  });
  response.setHeader('content-type', 'application/x-ndjson');
  // A failed pipeline destroys its streams. Keep the connection for the error response: iterate the request instead of
  // adding it, and do not end the response.
  const lines = request.iterator({ destroyOnReturn: false });
  await pipeline(lines, parser, lane, createNdjsonStringifier(), response, { end: false });
  response.end();
}

/** Responds with an object, or with an error message. */
export function answer(response, status, body) {
  const object = typeof body === 'string' ? { message: body } : body;
  // Close the connection, because the rest of the request will not be read.
  if (!response.req.complete) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(object)}\n`);
}

async function readBody(request, maxBytes) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
