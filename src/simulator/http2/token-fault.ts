/** Applies the faults that device tokens select, over HTTP/2. The table is in docs/simulator.md. */
import { MAX_UINT31 } from '../../protocol/http2/frame-header.js';
import {
  BODY_KINDS,
  rejection,
  rejectionOfNumber,
  rejectionOfStatusCode,
  withRetryAfter,
} from '../rejection.js';
import { hoursAgo, latencyMs, slowReadBytesPerMs, stallMs, type TokenFault } from '../token-fault.js';
import { type Goaway, ORDERLY_GOAWAY, type ProviderConnectionControl } from './context.js';
import type { ExchangeForm, ProviderExchange } from './exchange.js';
import type { NotificationHead } from './notification-head.js';
import { bundleIdOf } from './topic-policy.js';

/** A valid notification, whose device may still be unregistered. */
type CompleteNotification = NotificationHead & { readonly payload: Buffer };

/** Accepts a notification if its device is registered. */
export function deliver(
  notification: CompleteNotification,
  exchange: ProviderExchange,
  connection: ProviderConnectionControl,
  form: ExchangeForm = {},
): void {
  const { devices } = connection.context.state;
  const { deviceToken, topic = '' } = notification;
  const since = devices.unregisteredSince(deviceToken);
  const app = devices.topicOf(deviceToken);
  if (since !== undefined) {
    devices.reportUndelivered(deviceToken);
    const reason = devices.stateOf(deviceToken) === 'expired' ? 'ExpiredToken' : 'Unregistered';
    exchange.reject({ ...rejection(reason), timestamp: since * 1000 }, form);
  } else if (devices.stateOf(deviceToken) === 'invalid') {
    exchange.reject(rejection('BadDeviceToken'), form);
  } else if (app !== undefined && app !== topic && app !== bundleIdOf(topic)) {
    exchange.reject(rejection('DeviceTokenNotForTopic'), form);
  } else {
    exchange.accept(notification, form);
  }
}

/** Applies the fault that a device token selects. */
export function applyTokenFault(
  { name, argument }: TokenFault,
  notification: CompleteNotification,
  exchange: ProviderExchange,
  connection: ProviderConnectionControl,
): void {
  const deliverIt = (form?: ExchangeForm): void => deliver(notification, exchange, connection, form);
  const { stream } = exchange;
  switch (name) {
    case 'reject':
    case 'rejectSplit':
    case 'rejectReset':
      if (name === 'rejectReset') stream.once('close', () => connection.end({ reset: true }));
      if (argument === 0) deliverIt();
      else exchange.reject(rejectionOfStatusCode(argument), { split: name === 'rejectSplit' });
      break;
    case 'reason':
      exchange.reject(rejectionOfNumber(argument, connection.context.faults.now));
      break;
    case 'temporary':
      exchange.reject(rejection('ServiceUnavailable'));
      break;
    case 'shutdown':
      deliverIt();
      connection.goaway(goawayAt(exchange.id), exchange);
      break;
    case 'shutdownUnnamed':
      deliverIt();
      connection.goaway(goawayAt(MAX_UINT31), exchange);
      break;
    case 'close':
      connection.goaway(goawayAt(Math.max(0, exchange.id - 2)));
      // GOAWAY cannot deny this request if a later one already has a response.
      exchange.refuse();
      break;
    case 'reset':
      connection.end({ reset: true });
      break;
    case 'discard':
      connection.drop(exchange);
      break;
    case 'stall':
      connection.hold(stallMs(argument), deliverIt);
      break;
    case 'latency':
      connection.after(latencyMs(argument), deliverIt);
      break;
    case 'slowRead':
      connection.wire.slowDown(slowReadBytesPerMs(argument));
      deliverIt();
      break;
    case 'refuse':
      exchange.refuse();
      break;
    case 'resetStream':
      connection.drop(exchange);
      stream.close(argument);
      break;
    case 'tooManyRequests':
      exchange.reject(withRetryAfter(rejection('TooManyRequests'), argument));
      break;
    case 'unregistered':
      connection.context.state.devices.unregister(notification.deviceToken, hoursAgo(argument));
      deliverIt();
      break;
    case 'expiredProviderToken':
      exchange.reject(rejection('ExpiredProviderToken'));
      break;
    case 'strayBody':
      exchange.reject(rejection('BadDeviceToken'), { bodyKind: BODY_KINDS[argument] ?? 'json' });
      break;
    case 'earlyResponse':
      deliverIt();
      break;
    case 'interim':
      deliverIt({ interim: true });
      break;
    case 'trailers':
      deliverIt({ trailers: true });
      break;
    case 'withoutId':
      deliverIt({ withoutId: true });
      break;
  }
}

function goawayAt(lastStream: number): Goaway {
  return { ...ORDERLY_GOAWAY, lastStreams: [lastStream] };
}
