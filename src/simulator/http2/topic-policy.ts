/** Which topics a client may send to: those of its certificate, or with a provider token those of the team. */
import type { X509Certificate } from 'node:crypto';
import { pushTypeOfTopic, topicSuffix } from '../../protocol/apns/push-type.js';
import { APPLE_PUSH_TOPICS } from '../pki/certificates.js';
import { derObjectIdentifier, derUtf8String } from '../pki/der.js';

/** Apple: "The location push type supports only token-based authentication", so no certificate has its topic. */
const LOCATION_SUFFIX = '.location-query';

export interface TopicPolicy {
  /** The topic of notifications that name none; absent where they must. */
  readonly implied?: string;
  allows(topic: string): boolean;
}

/** The topics of a list, each with the suffixes that push types ask for. */
export function teamTopics(topics: readonly string[]): TopicPolicy {
  const known = new Set(topics);
  return { allows: (topic) => known.has(topic) || known.has(bundleIdOf(topic)) };
}

/**
 * The topics that a certificate names; the topic in its subject has every suffix except that of locations. Nothing is
 * parsed: the simulator's authority issued the certificate, so its DER holds a topic exactly as this side writes it.
 */
export function certificateTopics(certificate: X509Certificate): TopicPolicy {
  const { raw, subject } = certificate;
  const uid = /^UID=(.+)$/m.exec(subject)?.[1];
  const allows = (topic: string): boolean =>
    !topic.endsWith(LOCATION_SUFFIX) &&
    (topic === uid || bundleIdOf(topic) === uid || raw.includes(derUtf8String(topic)));
  // A certificate for several topics leaves none to be implied.
  return uid === undefined || raw.includes(derObjectIdentifier(APPLE_PUSH_TOPICS))
    ? { allows }
    : { implied: uid, allows };
}

/** A topic without the suffix of a push type. */
export function bundleIdOf(topic: string): string {
  const pushType = pushTypeOfTopic(topic);
  const suffix = pushType === undefined ? undefined : topicSuffix(pushType);
  return suffix === undefined ? topic : topic.slice(0, -suffix.length);
}
