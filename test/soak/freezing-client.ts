/**
 * The client of `freezes.ts`, in a process of its own so that it can be frozen while its peer goes on.
 *
 *     node freezing-client.js {"wire": …, "options": …, "skewMs": …}
 *
 * It writes a few notifications every {@link BURST_MS}, prints a line of JSON for each outcome, and obeys the lines of
 * standard input: `block MS`, `jump MS` (of the wall clock), `end`.
 */
import { createInterface } from 'node:readline';
import { createBinaryDelivery, createHttp2Delivery } from '../../src/deliveries/delivery.js';
import { StandstillMeter } from '../model/standstill-meter.js';

/** What the client prints about an outcome. */
export interface FreezeOutcome {
  readonly id: number;
  readonly status: string;
  readonly reason?: string;
  /** From when it was written until its outcome was read, without what the process stood still. */
  readonly ranMs: number;
  /** How often the process had stood still when it was written, and when its outcome was read. */
  readonly writtenAfter: number;
  readonly readAfter: number;
}

/** How long it pauses between two bursts, and how many notifications are in one. */
const BURST_MS = 60;
const BURST = 5;

/** A pause of the event loop that is longer counts as a standstill. */
const STANDSTILL_MS = 400;

const { wire, options, skewMs } = JSON.parse(process.argv[2]!);
const systemClock = Date.now;
let offsetMs = 0;
Date.now = () => systemClock() + offsetMs;

const meter = new StandstillMeter();
let standstills = 0;
let lastTurn = performance.now();
function countStandstills(): number {
  const now = performance.now();
  if (now - lastTurn > STANDSTILL_MS) standstills++;
  lastTurn = now;
  return standstills;
}

interface Stamp {
  readonly id: number;
  readonly at: number;
  readonly lostMs: number;
  readonly writtenAfter: number;
}
const delivery = wire === 'http2' ? createHttp2Delivery(options) : createBinaryDelivery(options);
// Not before: credentials whose dates are not those of this machine are refused at once.
offsetMs = skewMs;
let nextId = 0;

function writeBurst(): void {
  const writtenAfter = countStandstills();
  for (let i = 0; i < BURST; i++) {
    const id = nextId++;
    const context: Stamp = { id, at: performance.now(), lostMs: meter.lostMs, writtenAfter };
    const deviceToken = id.toString(16).padStart(64, '0');
    delivery.write({ deviceToken, payload: '{"aps":{"alert":"hello"}}', context });
  }
}

delivery.on('data', ({ status, reason, context }) => {
  const { id, at, lostMs, writtenAfter } = context as Stamp;
  const ranMs = Math.round(performance.now() - at - (meter.lostMs - lostMs));
  const readAfter = countStandstills();
  const outcome: FreezeOutcome = {
    id,
    status,
    ...(reason === undefined ? {} : { reason }),
    ranMs,
    writtenAfter,
    readAfter,
  };
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
});
delivery.on('error', ({ message }) => process.stdout.write(`${JSON.stringify({ failure: message })}\n`));
delivery.on('close', () => {
  process.stdout.write(`${JSON.stringify({ written: nextId, resent: delivery.counts.resent })}\n`);
  process.stdin.destroy();
});

writeBurst();
const bursts = setInterval(writeBurst, BURST_MS);
const standstillTimer = setInterval(countStandstills, 20);
createInterface(process.stdin).on('line', (line) => {
  const [command, ms] = line.split(' ');
  const until = performance.now() + Number(ms);
  if (command === 'block') while (performance.now() < until);
  else if (command === 'jump') offsetMs += Number(ms);
  else if (command === 'end') {
    clearInterval(bursts);
    clearInterval(standstillTimer);
    delivery.end();
  }
});
