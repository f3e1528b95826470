/** What the HTTP/2 side does with a request that has arrived whole: who may, to where, with what. */
import type { ApnsReason } from '../../core/reason.js';
import { rejection, withRetryAfter } from '../rejection.js';
import type { Http2Sickness } from '../sick-connection.js';
import { decodeTokenFault } from '../token-fault.js';
import { isBroadcastPath, isChannelsPath, manageChannels, readBroadcast } from './channel-request.js';
import type { ProviderConnectionControl } from './context.js';
import type { ProviderExchange } from './exchange.js';
import {
  deviceTokenOf,
  isDevicePath,
  type NotificationHead,
  payloadRejection,
  readNotificationHead,
  textOf,
} from './notification-head.js';
import { applyTokenFault, deliver } from './token-fault.js';
import type { TopicPolicy } from './topic-policy.js';

/** Responds to a request, or applies the fault that its device token selects. */
export function processRequest(exchange: ProviderExchange, connection: ProviderConnectionControl): void {
  if (exchange.isSettled) return;
  const storm = connection.context.faults.takeStorm();
  if (storm !== undefined) {
    exchange.reject(withRetryAfter(rejection('TooManyRequests'), storm.retryAfterSeconds));
    return;
  }
  const topics = authorize(exchange, connection);
  if (typeof topics === 'string') exchange.reject(rejection(topics));
  else if (isDevicePath(exchange.path)) processNotification(exchange, connection, topics);
  else if (isBroadcastPath(exchange.path)) processBroadcast(exchange, connection, topics);
  else if (isChannelsPath(exchange.path)) processManagement(exchange, connection, topics);
  else exchange.reject(rejection('BadPath'));
}

/** Responds to a request on a sick connection, or leaves it without a response. */
export function respondSick(
  how: Http2Sickness,
  exchange: ProviderExchange,
  connection: ProviderConnectionControl,
): void {
  if (exchange.isSettled) return;
  switch (how) {
    case 'internal-error':
      exchange.reject(rejection('InternalServerError'));
      break;
    case 'shutdown':
      exchange.reject(rejection('Shutdown'));
      break;
    case 'refuse-streams':
      exchange.refuse();
      break;
    case 'reset-streams':
      exchange.fail();
      break;
    case 'no-response':
      connection.drop(exchange);
      break;
    case 'no-window':
      processRequest(exchange, connection);
  }
}

/** Responds before the body arrives, if the device token selects that. The notification is accepted with its body. */
export function answerEarly(exchange: ProviderExchange, connection: ProviderConnectionControl): void {
  if (!isDevicePath(exchange.path)) return;
  if (decodeTokenFault(deviceTokenOf(exchange.path))?.name !== 'earlyResponse') return;
  const topics = authorize(exchange, connection);
  if (typeof topics === 'string') return;
  if (!('reason' in readNotificationHead(exchange.headers, exchange.names, topics))) exchange.answer(200);
}

function processNotification(
  exchange: ProviderExchange,
  connection: ProviderConnectionControl,
  topics: TopicPolicy,
): void {
  const head = readNotificationHead(exchange.headers, exchange.names, topics);
  const problem = 'reason' in head ? head : payloadRejection(exchange.bodyBytes, head.pushType, false);
  if (problem !== undefined) {
    exchange.reject(problem);
    return;
  }
  const fields = { ...(head as NotificationHead), payload: exchange.body };
  const fault = connection.context.state.tokenFaults.consume(fields.deviceToken);
  if (fault === undefined) deliver(fields, exchange, connection);
  else applyTokenFault(fault, fields, exchange, connection);
}

function processBroadcast(
  exchange: ProviderExchange,
  { context }: ProviderConnectionControl,
  topics: TopicPolicy,
): void {
  const broadcast = context.faults.active.broadcastDisabled
    ? rejection('FeatureNotEnabled')
    : readBroadcast(exchange, context.state.channels, topics);
  if ('reason' in broadcast) exchange.reject(broadcast);
  else exchange.accept(broadcast);
}

function processManagement(
  exchange: ProviderExchange,
  { context }: ProviderConnectionControl,
  topics: TopicPolicy,
): void {
  const answer = context.faults.active.broadcastDisabled
    ? rejection('FeatureNotEnabled')
    : manageChannels(exchange, context.state.channels, topics);
  if ('reason' in answer) {
    exchange.reject(answer);
    return;
  }
  const { statusCode, channelId, body } = answer;
  exchange.answerManagement(
    statusCode,
    channelId === undefined ? {} : { 'apns-channel-id': channelId },
    body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
  );
}

/** The topics that the request may have, or the reason why it is refused. */
function authorize(
  exchange: ProviderExchange,
  { auth, context }: ProviderConnectionControl,
): TopicPolicy | ApnsReason {
  const { now, active } = context.faults;
  return auth.authorize(textOf(exchange.headers, 'authorization'), now, active.maxProviderTokens);
}
