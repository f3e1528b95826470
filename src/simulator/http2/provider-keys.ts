/**
 * The provider keys that the HTTP/2 side knows, and which of them may share a connection.
 * Source: Apple, "Establishing a token-based connection to APNs", "Team and bundle ID mapping".
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { ApnsError, invalidOption } from '../../core/errors.js';
import { headerTextProblem } from '../../core/notification-rules.js';
import { checkOptionNames, choiceOption } from '../../core/options.js';
import type { ApnsEnvironment } from '../pki/certificates.js';
import { type TopicPolicy, teamTopics } from './topic-policy.js';

/** A further provider key: of another team, of another environment, or topic-specific. */
export interface ProviderKey {
  /** PEM: the private key, such as an `AuthKey_….p8`, or the public one. */
  readonly key: string;
  readonly keyId: string;
  readonly teamId: string;
  /** Whether it is a team-scoped key or a topic-specific one; the two cannot share a connection. @default 'team' */
  readonly scope?: 'team' | 'topic';
  /** The bundle identifiers it is valid for, also with the suffixes of push types. @default `http2.topics` */
  readonly topics?: readonly string[];
  /** The one other topic-specific key that may share a connection with this one. @default none */
  readonly relatedKeyId?: string;
  /** The environment it is valid for. @default both */
  readonly environment?: ApnsEnvironment;
}

/** A provider key in the form that requests are checked against. */
export interface KnownKey {
  readonly publicKey: KeyObject;
  readonly keyId: string;
  readonly teamId: string;
  readonly scope: 'team' | 'topic';
  readonly topics: TopicPolicy;
  readonly relatedKeyId: string | undefined;
  readonly environment: ApnsEnvironment | undefined;
}

/** The known keys by key id; never changed, so that a connection can keep those of its first push. */
export type KnownKeys = ReadonlyMap<string, KnownKey>;

const ENVIRONMENTS: readonly ApnsEnvironment[] = ['sandbox', 'production'];

/**
 * Checks provider keys.
 *
 * @param topics the topics of keys that name none
 * @throws {ApnsError} APNS_ERR_INVALID_OPTION, or APNS_ERR_BAD_CREDENTIALS for a key that cannot be read
 */
export function knownKeys(path: string, keys: readonly ProviderKey[], topics: readonly string[]): KnownKeys {
  if (!Array.isArray(keys)) throw invalidOption(path, 'a list of provider keys', keys);
  const known = new Map<string, KnownKey>();
  keys.forEach((key: ProviderKey, index) => {
    const each = knownKey(`${path}[${index}]`, key, topics);
    if (known.has(each.keyId))
      throw invalidOption(`${path}[${index}].keyId`, 'different from the other key ids', each.keyId);
    known.set(each.keyId, each);
  });
  return known;
}

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION */
export function checkTopics(path: string, topics: readonly string[]): readonly string[] {
  if (Array.isArray(topics) && topics.every((topic) => headerTextProblem(topic) === undefined)) return topics;
  throw invalidOption(path, 'a list of bundle identifiers', topics);
}

/** Whether a connection whose first push used one of two keys accepts pushes with the other. */
export function canShareConnection(first: KnownKey, key: KnownKey): boolean {
  if (first.keyId === key.keyId) return true;
  if (first.teamId !== key.teamId || first.scope !== key.scope || !isSameEnvironment(first, key))
    return false;
  return key.scope === 'team' || first.relatedKeyId === key.keyId || key.relatedKeyId === first.keyId;
}

/** Whether two keys are valid for the same environment. */
export function isSameEnvironment(
  { environment }: { readonly environment: ApnsEnvironment | undefined },
  other: { readonly environment: ApnsEnvironment | undefined },
): boolean {
  return (environment ?? other.environment) === (other.environment ?? environment);
}

function knownKey(path: string, key: ProviderKey, usualTopics: readonly string[]): KnownKey {
  const names = ['key', 'keyId', 'teamId', 'scope', 'topics', 'relatedKeyId', 'environment'];
  checkOptionNames(path, key, names);
  const { keyId, teamId, scope, topics = usualTopics, relatedKeyId, environment } = key;
  for (const [name, text] of Object.entries({ keyId, teamId, relatedKeyId: relatedKeyId ?? '' })) {
    if (typeof text !== 'string') throw invalidOption(`${path}.${name}`, 'a string', text);
  }
  return {
    publicKey: readPublicKey(`${path}.key`, key.key),
    keyId,
    teamId,
    scope: choiceOption(`${path}.scope`, scope, ['team', 'topic'], 'team'),
    topics: teamTopics(checkTopics(`${path}.topics`, topics)),
    relatedKeyId,
    environment: environmentOption(`${path}.environment`, environment),
  };
}

/** @throws {ApnsError} APNS_ERR_INVALID_OPTION */
export function environmentOption(
  path: string,
  environment: ApnsEnvironment | undefined,
): ApnsEnvironment | undefined {
  if (environment === undefined) return undefined;
  return choiceOption(path, environment, ENVIRONMENTS, environment);
}

/** The errors do not repeat any part of the key. */
function readPublicKey(path: string, pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new ApnsError('APNS_ERR_BAD_CREDENTIALS', `${path} is not a readable PEM key`, { cause });
  }
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  throw new ApnsError('APNS_ERR_BAD_CREDENTIALS', `${path} must be an elliptic curve P-256 key`);
}
