/** The documents that define the rules for HTTP/2 notifications. */
import type { RuleSource } from './rule.js';

const APPLE = 'https://developer.apple.com/documentation';

export const SENDING: RuleSource = {
  title: 'Apple: Sending notification requests to APNs',
  url: `${APPLE}/usernotifications/sending-notification-requests-to-apns`,
};

export const RESPONSES: RuleSource = {
  title: 'Apple: Handling notification responses from APNs',
  url: `${APPLE}/usernotifications/handling-notification-responses-from-apns`,
};

export const PAYLOAD: RuleSource = {
  title: 'Apple: Generating a remote notification',
  url: `${APPLE}/usernotifications/generating-a-remote-notification`,
};

export const PAYLOAD_KEYS: RuleSource = {
  title: 'Apple, archived: Payload Key Reference',
  url: 'https://developer.apple.com/library/archive/documentation/NetworkingInternet/Conceptual/RemoteNotificationsPG/PayloadKeyReference.html',
};

export const SERVICE_EXTENSION: RuleSource = {
  title: 'Apple: Modifying content in newly delivered notifications',
  url: `${APPLE}/usernotifications/modifying-content-in-newly-delivered-notifications`,
};

export const BACKGROUND: RuleSource = {
  title: 'Apple: Pushing background updates to your App',
  url: `${APPLE}/usernotifications/pushing-background-updates-to-your-app`,
};

export const LIVE_ACTIVITIES: RuleSource = {
  title: 'Apple: Starting and updating Live Activities with ActivityKit push notifications',
  url: `${APPLE}/activitykit/starting-and-updating-live-activities-with-activitykit-push-notifications`,
};

export const BROADCASTS: RuleSource = {
  title: 'Apple: Sending broadcast push notification requests to APNs',
  url: `${APPLE}/usernotifications/sending-broadcast-push-notification-requests-to-apns`,
};

export const WIDGETS: RuleSource = {
  title: 'Apple: Updating widgets with WidgetKit push notifications',
  url: `${APPLE}/widgetkit/updating-widgets-with-widgetkit-push-notifications`,
};

export const HEADER_TEXT: RuleSource = {
  title: 'RFC 9110, section 5.5: Field values',
  url: 'https://www.rfc-editor.org/rfc/rfc9110#section-5.5',
};

export const JSON_OBJECTS: RuleSource = {
  title: 'RFC 8259, section 4: Objects',
  url: 'https://www.rfc-editor.org/rfc/rfc8259#section-4',
};

export const JSON_STRINGS: RuleSource = {
  title: 'RFC 8259, section 7: Strings',
  url: 'https://www.rfc-editor.org/rfc/rfc8259#section-7',
};

export const JSON_CHARACTERS: RuleSource = {
  title: 'RFC 8259, section 8.2: Unicode Characters',
  url: 'https://www.rfc-editor.org/rfc/rfc8259#section-8.2',
};

export const OBJECT_TEXT: RuleSource = {
  title: 'ECMAScript: Object.prototype.toString',
  url: 'https://tc39.es/ecma262/#sec-object.prototype.tostring',
};

export const NOTIFICATION_LINE: RuleSource = { title: 'NDJSON lines', url: 'docs/ndjson.md' };
