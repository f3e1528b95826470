/** Where the rules for HTTP/2 notifications are written down. */
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

export const BACKGROUND: RuleSource = {
  title: 'Apple: Pushing background updates to your App',
  url: `${APPLE}/usernotifications/pushing-background-updates-to-your-app`,
};

export const LIVE_ACTIVITIES: RuleSource = {
  title: 'Apple: Starting and updating Live Activities with ActivityKit push notifications',
  url: `${APPLE}/activitykit/starting-and-updating-live-activities-with-activitykit-push-notifications`,
};

export const WIDGETS: RuleSource = {
  title: 'Apple: Updating widgets with WidgetKit push notifications',
  url: `${APPLE}/widgetkit/updating-widgets-with-widgetkit-push-notifications`,
};

export const HEADER_TEXT: RuleSource = {
  title: 'RFC 9110, section 5.5: Field values',
  url: 'https://www.rfc-editor.org/rfc/rfc9110#section-5.5',
};

export const NOTIFICATION_LINE: RuleSource = { title: 'NDJSON lines', url: 'docs/ndjson.md' };
