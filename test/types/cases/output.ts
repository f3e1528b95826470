/** Streams yield what their types say, and their events are typed. */
import {
  type BinarySink,
  createBinarySink,
  createErrorSource,
  createFeedbackSource,
  createFrameDecoder,
  createHttp2Delivery,
  createHttp2Sink,
  createNdjsonParser,
  type Delivery,
  type DeliveryOutcome,
  type ErrorResponse,
  type FeedbackTuple,
  type Notification,
  type Outcome,
  type OutcomeReason,
} from 'apns-streams';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if the value has exactly this type. */
const is = <Expected>() => ({ of: <Actual>(_value: Actual, _same: Same<Expected, Actual>): void => {} });

interface Row {
  readonly userId: number;
}

const delivery = createHttp2Delivery<Row>({ environment: 'production' });
delivery.write({ deviceToken: 'ab', payload: {}, context: { userId: 1 } });
delivery.write({ channelId: 'ab', payload: {}, context: { userId: 1 } });
// @ts-expect-error: not the type of context that was named
delivery.write({ deviceToken: 'ab', payload: {}, context: { user: 1 } });

for await (const outcome of delivery) {
  is<DeliveryOutcome<Row>>().of(outcome, true);
  is<Row | undefined>().of(outcome.context, true);
  is<Row | undefined>().of(outcome.notification.context, true);
  const to: string | undefined = outcome.notification.deviceToken ?? outcome.notification.channelId;
  console.log(to);
  if (outcome.status === 'rejected') {
    const reason: OutcomeReason = outcome.reason;
    const statusCode: number = outcome.statusCode;
    if (outcome.reason === 'Unregistered') console.log(reason, statusCode, outcome.timestamp);
    if (outcome.reason === 'OfNextYear') console.log(reason);
  }
  if (outcome.status === 'unsent' && outcome.reason === 'ConnectTimeout') console.log(outcome.message);
  // @ts-expect-error: no such status
  if (outcome.status === 'sent') console.log(outcome);
}
delivery.on('data', (outcome) => is<DeliveryOutcome<Row>>().of(outcome, true));
delivery.once('error', (error) => is<Error>().of(error, true));
delivery.addListener('unpipe', (source) => source.pause());
delivery.on('drain', () => {}).on('close', () => {});
is<DeliveryOutcome<Row>[]>().of(await delivery.toArray(), true);
is<number>().of(delivery.counts.accepted, true);
await using disposed: Delivery<Row> = delivery;
disposed.resume();
/** A function that does not care for the context takes every delivery. */
const drain = (any: Delivery): unknown => any.resume();
drain(delivery);

const sink = createHttp2Sink<Row>({ host: 'localhost' });
for await (const outcome of sink.outcomes) is<Outcome<Row>>().of(outcome, true);
sink.outcomes.on('data', ({ context }) => is<Row | undefined>().of(context, true));
for await (const outcome of createHttp2Sink({ host: 'localhost' }).outcomes) is<Outcome>().of(outcome, true);

const frames: BinarySink = createBinarySink({ host: 'localhost' });
frames.on('errorResponse', (response) => is<ErrorResponse>().of(response, true));
frames.once('errorResponse', ({ reason }) => reason === 'InvalidToken');
frames.on('error', (error) => is<Error>().of(error, true));
frames.on('pipe', (source) => source.resume());
frames.on('finish', () => {});

for await (const response of createErrorSource(frames)) is<ErrorResponse>().of(response, true);
for await (const tuple of createFeedbackSource({ host: 'localhost' })) is<FeedbackTuple>().of(tuple, true);
// @ts-expect-error: Apple's feedback service does not respond, so this always throws
createFeedbackSource({ environment: 'production' });
for await (const notification of createNdjsonParser()) is<Notification>().of(notification, true);
for await (const notification of createFrameDecoder()) is<Notification>().of(notification, true);
createNdjsonParser().on('data', (notification) => is<Notification>().of(notification, true));
createNdjsonParser().on('error', (error) => is<Error>().of(error, true));
