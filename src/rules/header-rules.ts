/** The rules that the fields beside the payload are held to on HTTP/2. */

import { nearestName } from '../core/nearest-name.js';
import type { Notification } from '../core/notification.js';
import { expirationSeconds } from '../core/notification-rules.js';
import {
  DISPUTED_SUFFIX,
  isKnownPushType,
  PUSH_TYPES,
  pushTypeOfTopic,
  topicSuffix,
} from '../protocol/apns/push-type.js';
import type { Http2Rule, Http2RuleContext } from './rule.js';
import { BROADCASTS, HEADER_TEXT, LIVE_ACTIVITIES, SENDING } from './rule-sources.js';
import { BROADCAST_PUSH_TYPE, goesWithoutAps, isBroadcast, pushTypeOf, topicOf } from './rule-subject.js';
import { earlySecondsProblem, FIRST_PLAUSIBLE_SECOND } from './unix-seconds.js';

/** RFC 9110, section 5.5: what was not always allowed, or is read differently, is best kept out of a field. */
const NOT_PRINTABLE_ASCII = /[^ -~]/;

/** In the order of the fields. */
export const HEADER_RULES: readonly Http2Rule[] = [
  {
    id: 'expiration-relative',
    field: 'expiration',
    severity: 'warning',
    requirement: 'The expiration is a date, not a time from now; 0 means "try once, do not store".',
    source: SENDING,
    problem({ expiration }) {
      if (expiration === undefined) return undefined;
      const seconds = expirationSeconds(expiration);
      return seconds > 0 && seconds < FIRST_PLAUSIBLE_SECOND ? earlySecondsProblem(seconds) : undefined;
    },
  },
  {
    id: 'priority-background',
    field: 'priority',
    severity: 'error',
    requirement: 'With push type background the priority is 5; if it is absent, the sink sends 5.',
    source: SENDING,
    problem({ pushType, priority }) {
      return pushType === 'background' && priority !== undefined && priority !== 5
        ? `must be 5 with push type background, got ${priority}`
        : undefined;
    },
  },
  {
    id: 'priority-live-activity',
    field: 'priority',
    severity: 'warning',
    requirement: 'With push type liveactivity the priority is 10 or 5.',
    source: LIVE_ACTIVITIES,
    problem: (notification) =>
      notification.priority === 1 && pushTypeOf(notification) === 'liveactivity'
        ? 'must be 10 or 5 with push type liveactivity, got 1'
        : undefined,
  },
  {
    id: 'topic-missing',
    field: 'topic',
    severity: 'error',
    requirement:
      'A topic is required with a provider token, which is valid for a whole team, and in a broadcast, whose path contains it.',
    source: SENDING,
    problem(notification, context) {
      if (topicOf(notification, context) !== undefined) return undefined;
      if (isBroadcast(notification))
        return 'is missing, but the path of a broadcast needs it: give the bundle identifier of the app';
      return context.auth === 'token'
        ? 'is missing, and a provider token does not imply it: give the bundle identifier of the app'
        : undefined;
    },
  },
  {
    id: 'topic-ascii',
    field: 'topic',
    severity: 'error',
    requirement: 'The topic is printable ASCII.',
    source: HEADER_TEXT,
    problem: ({ topic }) => asciiProblem(topic),
  },
  {
    id: 'topic-suffix',
    field: 'topic',
    severity: 'error',
    requirement:
      'The topic ends in the suffix of its push type, such as `.voip`; the topic of a broadcast is the bundle identifier.',
    source: SENDING,
    problem(notification, context) {
      const missing = missingSuffix(notification, context);
      return missing === undefined || missing === DISPUTED_SUFFIX
        ? undefined
        : suffixProblem(missing, notification);
    },
  },
  {
    id: 'topic-suffix-complication',
    field: 'topic',
    severity: 'warning',
    requirement: `With push type complication the topic ends in \`${DISPUTED_SUFFIX}\`.`,
    source: SENDING,
    problem(notification, context) {
      const missing = missingSuffix(notification, context);
      return missing === DISPUTED_SUFFIX ? suffixProblem(missing, notification) : undefined;
    },
  },
  {
    id: 'topic-of-other-push-type',
    field: 'topic',
    severity: 'warning',
    requirement: "The topic does not end in another push type's suffix.",
    source: SENDING,
    problem(notification, context) {
      const topic = topicOf(notification, context);
      const pushType = pushTypeOf(notification);
      const wanted = topic === undefined ? undefined : pushTypeOfTopic(topic);
      if (wanted === undefined || wanted === pushType) return undefined;
      return `ends in ${topicSuffix(wanted)}, which is for push type ${wanted}, but the push type is ${pushType === undefined ? 'missing' : 'another'}`;
    },
  },
  {
    id: 'push-type-missing',
    field: 'pushType',
    severity: 'warning',
    requirement:
      'There is a push type: watchOS requires it, and elsewhere APNs may delay or drop a notification without one.',
    source: SENDING,
    problem: (notification, context) =>
      pushTypeOf(notification) === undefined && !goesWithoutAps(notification, context)
        ? 'is missing: give alert, background or another push type'
        : undefined,
  },
  {
    id: 'push-type-unknown',
    field: 'pushType',
    severity: 'error',
    isLeftToApns: true,
    requirement: `The push type is one that Apple documents: ${PUSH_TYPES.join(', ')}. The sink sends others too, because Apple adds push types.`,
    source: SENDING,
    problem({ pushType }) {
      if (pushType === undefined || isKnownPushType(pushType)) return undefined;
      const nearest = nearestName(pushType, PUSH_TYPES);
      return nearest === undefined
        ? `is not one that Apple documents, so APNs responds with InvalidPushType: use one of ${PUSH_TYPES.join(', ')}`
        : `is not one that Apple documents, so APNs responds with InvalidPushType: did you mean ${nearest}?`;
    },
  },
  {
    id: 'push-type-ascii',
    field: 'pushType',
    severity: 'error',
    requirement: 'The push type is printable ASCII.',
    source: HEADER_TEXT,
    problem: ({ pushType }) =>
      pushType === undefined || isKnownPushType(pushType) ? undefined : asciiProblem(pushType),
  },
  {
    id: 'push-type-location',
    field: 'pushType',
    severity: 'error',
    requirement: 'Push type location is sent with a provider token, not with a certificate.',
    source: SENDING,
    problem: ({ pushType }, { auth }) =>
      pushType === 'location' && auth === 'certificate'
        ? 'location works with a provider token only, not with a client certificate'
        : undefined,
  },
  {
    id: 'push-type-broadcast',
    field: 'pushType',
    severity: 'error',
    requirement: `The push type of a broadcast is ${BROADCAST_PUSH_TYPE}; if it is absent, the sink sends that.`,
    source: BROADCASTS,
    problem: (notification) =>
      isBroadcast(notification) && pushTypeOf(notification) !== BROADCAST_PUSH_TYPE
        ? `of a broadcast must be ${BROADCAST_PUSH_TYPE}`
        : undefined,
  },
  {
    id: 'collapse-id-broadcast',
    field: 'collapseId',
    severity: 'warning',
    requirement: 'A broadcast has no collapse id; the sink does not send one.',
    source: BROADCASTS,
    problem: (notification) =>
      notification.collapseId !== undefined && isBroadcast(notification)
        ? 'is not sent with a broadcast: remove it'
        : undefined,
  },
  {
    id: 'collapse-id-ascii',
    field: 'collapseId',
    severity: 'warning',
    requirement:
      'The collapse id is printable ASCII; other characters are sent as UTF-8, which a server may refuse.',
    source: HEADER_TEXT,
    problem: ({ collapseId }) => asciiProblem(collapseId),
  },
];

/** The suffix that the topic lacks for the push type, or `undefined`. */
function missingSuffix(notification: Notification, context: Http2RuleContext): string | undefined {
  const { pushType } = notification;
  if (pushType === undefined || isBroadcast(notification)) return undefined;
  const suffix = topicSuffix(pushType);
  if (suffix === undefined) return undefined;
  const topic = topicOf(notification, context);
  return topic === undefined || topic.endsWith(suffix) ? undefined : suffix;
}

function suffixProblem(suffix: string, { pushType, topic }: Notification): string {
  return `must end in ${suffix} with push type ${pushType}${topic === undefined ? ', and the default topic does not' : ''}`;
}

function asciiProblem(value: string | undefined): string | undefined {
  return value !== undefined && NOT_PRINTABLE_ASCII.test(value) ? 'must be printable ASCII' : undefined;
}
