/**
 * Asks the feedback service which devices no longer have the app: at once, then daily, until interrupted.
 *
 *     node examples/feedback-poll.mjs [--host HOST --feedback-port PORT --cert FILE --key FILE --ca FILE]
 */
import { createFeedbackSource } from 'apns-streams';
import { openTarget } from './target.mjs';

const DAY_MS = 24 * 60 * 60 * 1000;
const [GONE, BACK] = ['aa', 'bb'].map((byte) => byte.repeat(32));

// This stands for your own records of when each device last registered, in UNIX seconds.
const lastRegistered = new Map([
  [GONE, 1_700_000_000],
  [BACK, 1_900_000_000],
]);

const target = await openTarget();
target.simulator?.devices.unregister(GONE, 1_800_000_000);
target.simulator?.devices.unregister(BACK, 1_800_000_000);

const stop = new AbortController();
process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort());

const tuples = createFeedbackSource({ ...target.feedback, intervalMs: DAY_MS, signal: stop.signal });
try {
  for await (const { deviceToken, timestamp } of tuples) {
    // Reading has cleared the list at the service, so store what you get before anything else. A device
    // that has registered since has the app again.
    const known = lastRegistered.get(deviceToken) ?? 0;
    if (known < timestamp) lastRegistered.delete(deviceToken);
    console.log(deviceToken.slice(0, 8), known < timestamp ? 'deleted' : 'kept, it registered again');
  }
} catch (error) {
  if (error.name !== 'AbortError') throw error;
  console.log(`stopped, ${lastRegistered.size} device left`);
}
await target.close();
