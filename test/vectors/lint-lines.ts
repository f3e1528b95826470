/**
 * NDJSON lines that APNs accepts and that do not do what was meant, each with the finding that it needs. They are text
 * and not objects: a repeated key, half a surrogate pair and a doubled escape are lost when JavaScript reads a line.
 */
export interface LintLineVector {
  /** What happens to the notification. */
  readonly what: string;
  /** One line, exactly as it stands in a file. */
  readonly line: string;
  readonly rule: string;
  /** Part of the message. */
  readonly message: string;
  /** Part of the message of a second finding of the same rule. */
  readonly secondMessage?: string;
  /** Part of the address of the rule's source. */
  readonly source: string;
}

const DEVICE = '"deviceToken":"c0ffee01","topic":"com.example.app"';
const ALERT = `{${DEVICE},"pushType":"alert","payload":`;
const LIVE = `{"deviceToken":"c0ffee02","topic":"com.example.app.push-type.liveactivity","pushType":"liveactivity","payload":`;
const CHANNEL = '{"channelId":"dHN0LXNyY2gtY2hubA==","topic":"com.example.app","payload":';
const STATE = '"content-state":{"score":"2:1"}';

export const LINT_LINE_VECTORS: readonly LintLineVector[] = [
  {
    what: 'null beside aps makes devices drop the notification',
    line: `${ALERT}{"aps":{"alert":"Your order is ready"},"coupon":null}}`,
    rule: 'payload-null',
    message: 'has null as coupon',
    source: 'PayloadKeyReference',
  },
  {
    what: 'null deep in data beside aps does the same',
    line: `${ALERT}{"aps":{"alert":"Your order is ready"},"order":{"items":[{"note":null}]}}}`,
    rule: 'payload-null',
    message: 'has null as order.items.0.note',
    source: 'PayloadKeyReference',
  },
  {
    what: 'loc-args must be an array, so the text has gaps',
    line: `${ALERT}{"aps":{"alert":{"loc-key":"ORDER_READY","loc-args":"4711"}}}}`,
    rule: 'alert-value',
    message: 'whose loc-args must be an array of strings',
    source: 'generating-a-remote-notification',
  },
  {
    what: 'a number in loc-args fills no %@',
    line: `${ALERT}{"aps":{"alert":{"loc-key":"ORDER_READY","loc-args":[4711]}}}}`,
    rule: 'alert-value',
    message: 'whose loc-args must be an array of strings',
    source: 'generating-a-remote-notification',
  },
  {
    what: 'a body that is a number is not shown',
    line: `${ALERT}{"aps":{"alert":{"title":"Visitors today","body":12}}}}`,
    rule: 'alert-value',
    message: 'whose body must be a string, got 12',
    source: 'generating-a-remote-notification',
  },
  {
    what: 'the text is under a key that the system does not read',
    line: `${ALERT}{"aps":{"alert":{"title":"Hello","message":"How are you?"}}}}`,
    rule: 'alert-key',
    message: 'has "message" in aps.alert',
    source: 'generating-a-remote-notification',
  },
  {
    what: 'a critical alert with true and a volume as text is not critical',
    line: `${ALERT}{"aps":{"alert":"Smoke","sound":{"critical":true,"name":"alarm.caf","volume":"1"}}}}`,
    rule: 'sound-value',
    message: 'whose critical must be 1 or 0, got true',
    secondMessage: 'whose volume must be a number from 0 to 1, got the string "1": remove the quotes',
    source: 'generating-a-remote-notification',
  },
  {
    what: 'a volume above 1 is none',
    line: `${ALERT}{"aps":{"alert":"Smoke","sound":{"critical":1,"name":"alarm.caf","volume":11}}}}`,
    rule: 'sound-value',
    message: 'whose volume must be a number from 0 to 1, got 11',
    source: 'generating-a-remote-notification',
  },
  {
    what: 'the sound is under a key that the system does not read',
    line: `${ALERT}{"aps":{"alert":"Smoke","sound":{"critical":1,"file":"alarm.caf"}}}}`,
    rule: 'sound-key',
    message: 'has "file" in aps.sound',
    source: 'generating-a-remote-notification',
  },
  {
    what: 'the service extension does not run without an alert',
    line: `${ALERT}{"aps":{"sound":"default","mutable-content":1}}}`,
    rule: 'mutable-content-alert',
    message: 'mutable-content in aps and no alert',
    source: 'modifying-content',
  },
  {
    what: 'of two aps dictionaries the device takes either one',
    line: `${ALERT}{"aps":{"alert":"Good morning"},"aps":{"alert":"Good evening"}}}`,
    rule: 'payload-repeated-key',
    message: 'has "aps" twice',
    source: 'rfc8259#section-4',
  },
  {
    what: 'a key is repeated in another spelling, deep inside',
    line: String.raw`${ALERT}{"aps":{"alert":"Good morning"},"data":[{"id":1,"\u0069d":2}]}}`,
    rule: 'payload-repeated-key',
    message: 'has "id" twice',
    source: 'rfc8259#section-4',
  },
  {
    what: 'a key is repeated in a payload that is text',
    line: String.raw`${ALERT}"{\"aps\":{\"alert\":\"a\",\"badge\":1,\"badge\":2}}"}`,
    rule: 'payload-repeated-key',
    message: 'has "badge" twice',
    source: 'rfc8259#section-4',
  },
  {
    what: 'text was cut in the middle of an emoji',
    line: String.raw`${ALERT}{"aps":{"alert":{"title":"Party","body":"See you there \ud83c"}}}}`,
    rule: 'payload-surrogate',
    message: 'half a surrogate pair in aps.alert.body',
    source: 'rfc8259#section-8.2',
  },
  {
    what: 'the second half of an emoji stands alone, in data beside aps',
    line: String.raw`${ALERT}{"aps":{"alert":"Party"},"text":"\udf89 today"}}`,
    rule: 'payload-surrogate',
    message: 'half a surrogate pair in text',
    source: 'rfc8259#section-8.2',
  },
  {
    what: 'a timestamp of Swift, which counts from 2001, is of 1995 for the device',
    line: `${LIVE}{"aps":{"event":"update",${STATE},"timestamp":812345678}}}`,
    rule: 'aps-value',
    message: 'timeIntervalSince1970',
    source: 'generating-a-remote-notification',
  },
  {
    what: 'a stale-date of Swift is always in the past',
    line: `${LIVE}{"aps":{"event":"update",${STATE},"timestamp":1800000000,"stale-date":812345678.5}}}`,
    rule: 'aps-value',
    message: 'whose stale-date is 812345678.5 UNIX seconds, which is in 1995',
    source: 'generating-a-remote-notification',
  },
  {
    what: 'a timestamp that is a time from now is older than what the device has',
    line: `${LIVE}{"aps":{"event":"update",${STATE},"timestamp":0}}}`,
    rule: 'live-activity-timestamp',
    message: 'which is in 1970',
    source: 'starting-and-updating-live-activities',
  },
  {
    what: 'an expiration of Swift is long over',
    line: `{${DEVICE},"pushType":"alert","expiration":812345678,"payload":{"aps":{"alert":"a"}}}`,
    rule: 'expiration-relative',
    message: 'timeIntervalSince1970',
    source: 'sending-notification-requests',
  },
  {
    what: 'the person is shown what JavaScript made of an object',
    line: `${ALERT}{"aps":{"alert":"Hello [object Object]!"}}}`,
    rule: 'payload-object-text',
    message: 'text of a JavaScript object in aps.alert',
    source: 'object.prototype.tostring',
  },
  {
    what: 'the app is given what JavaScript made of an object',
    line: `${ALERT}{"aps":{"alert":"Hello"},"order":"[object Object]"}}`,
    rule: 'payload-object-text',
    message: 'text of a JavaScript object in order',
    source: 'object.prototype.tostring',
  },
  {
    what: 'the person is shown the word undefined',
    line: `${ALERT}{"aps":{"alert":{"title":"Hello","body":"undefined"}}}}`,
    rule: 'payload-object-text',
    message: 'text of a missing value in aps.alert.body',
    source: 'object.prototype.tostring',
  },
  {
    what: 'an emoji was escaped twice and is shown as letters',
    line: String.raw`${ALERT}{"aps":{"alert":"Well done \\ud83c\\udf89"}}}`,
    rule: 'alert-escape',
    message: 'escape in aps.alert that is escaped twice',
    source: 'rfc8259#section-7',
  },
  {
    what: 'a line break was escaped twice and is shown as letters',
    line: String.raw`${ALERT}{"aps":{"alert":{"loc-key":"TWO_LINES","loc-args":["one\\ntwo"]}}}}`,
    rule: 'alert-escape',
    message: 'escape in aps.alert.loc-args.0 that is escaped twice',
    source: 'rfc8259#section-7',
  },
  {
    what: 'a broadcast cannot start a Live Activity',
    line: `${CHANNEL}{"aps":{"event":"start","timestamp":1800000000,${STATE},"attributes-type":"Match","attributes":{},"alert":{"title":"Kick-off","body":"Now"}}}}`,
    rule: 'broadcast-event',
    message: 'a broadcast can only update or end',
    source: 'sending-broadcast-push',
  },
  {
    what: 'priority 1 does not exist for Live Activities',
    line: `${LIVE.replace('"payload"', '"priority":1,"payload"')}{"aps":{"event":"update",${STATE},"timestamp":1800000000}}}`,
    rule: 'priority-live-activity',
    message: 'must be 10 or 5',
    source: 'starting-and-updating-live-activities',
  },
  {
    what: 'priority 1 does not exist for broadcasts either, which are Live Activities',
    line: `${CHANNEL.replace('"payload"', '"priority":1,"payload"')}{"aps":{"event":"update",${STATE},"timestamp":1800000000}}}`,
    rule: 'priority-live-activity',
    message: 'must be 10 or 5',
    source: 'starting-and-updating-live-activities',
  },
  {
    what: 'a Live Activity is updated by a token or by a channel, and not by both',
    line: `${LIVE}{"aps":{"event":"start","timestamp":1800000000,${STATE},"attributes-type":"Match","attributes":{},"alert":{"title":"Kick-off","body":"Now"},"input-push-token":1,"input-push-channel":"dHN0LXNyY2gtY2hubA=="}}}`,
    rule: 'live-activity-input-push',
    message: 'both input-push-token and input-push-channel',
    source: 'starting-and-updating-live-activities',
  },
  {
    what: 'the system removes a Live Activity 4 hours after its end, whatever dismissal-date says',
    line: `${LIVE}{"aps":{"event":"end","timestamp":1800000000,"dismissal-date":1800014401}}}`,
    rule: 'live-activity-dismissal',
    message: '14401 s after its timestamp',
    source: 'starting-and-updating-live-activities',
  },
];

/** Lines that are right, and that lint once had something to say about. */
export const CLEAN_LINES: readonly (readonly [what: string, line: string])[] = [
  [
    'a broadcast without a push type',
    `${CHANNEL}{"aps":{"event":"update","timestamp":1800000000,${STATE}}}}`,
  ],
  [
    'a broadcast with its push type',
    `${CHANNEL.replace('"payload"', '"pushType":"liveactivity","payload"')}{"aps":{"event":"end","timestamp":1800000000,${STATE}}}}`,
  ],
  [
    'a broadcast whose topic has the suffix, which is taken away',
    `${CHANNEL.replace('example.app', 'example.app.push-type.liveactivity')}{"aps":{"event":"update","timestamp":1800000000,${STATE}}}}`,
  ],
  [
    'a broadcast of 5120 bytes',
    `${CHANNEL}{"aps":{"event":"update","timestamp":1800000000,"content-state":{"text":"${'x'.repeat(5043)}"}}}}`,
  ],
  [
    'a background notification without a priority',
    `{${DEVICE},"pushType":"background","payload":{"aps":{"content-available":1}}}`,
  ],
  ['an update of a Wallet pass', '{"deviceToken":"c0ffee03","topic":"pass.com.example.ticket","payload":{}}'],
  [
    'an update of a Wallet pass with a push type',
    '{"deviceToken":"c0ffee03","topic":"pass.com.example.ticket","pushType":"alert","payload":{}}',
  ],
  [
    'an update of a Wallet pass with an empty aps',
    '{"deviceToken":"c0ffee03","topic":"pass.com.example.ticket","pushType":"background","payload":{"aps":{}}}',
  ],
  [
    'device management without a push type',
    '{"deviceToken":"c0ffee04","topic":"com.apple.mgmt.External.00000000-0000-4000-8000-000000000000","payload":{"mdm":"00000000-0000-4000-8000-000000000000"}}',
  ],
  [
    'null in the state of a Live Activity, where Swift decodes it',
    `${LIVE}{"aps":{"event":"update","timestamp":1800000000,"content-state":{"scorer":null}}}}`,
  ],
  [
    'the same key in two objects',
    `${ALERT}{"aps":{"alert":"a"},"from":{"id":1},"to":{"id":2},"list":[{"id":3},{"id":4}]}}`,
  ],
  [
    'text that is a key with a colon',
    String.raw`${ALERT}{"aps":{"alert":{"title":"a","body":"\"title\":\"a\",\"title\":\"b\""}}}}`,
  ],
  ['a whole emoji in escapes', String.raw`${ALERT}{"aps":{"alert":"Party \ud83c\udf89"}}}`],
  [
    'JSON text in data beside aps, with escapes of its own',
    String.raw`${ALERT}{"aps":{"alert":"a"},"data":"{\"city\":\"K\\u00f6ln\\n\"}"}}`,
  ],
  [
    'an alert of a Live Activity with localized texts',
    `${LIVE}{"aps":{"event":"update","timestamp":1800000000,${STATE},"alert":{"title":{"loc-key":"GOAL","loc-args":["2"]},"body":"Goal","sound":"default"}}}}`,
  ],
  [
    'an end that stays for 4 hours',
    `${LIVE}{"aps":{"event":"end","timestamp":1800000000,"dismissal-date":1800014400}}}`,
  ],
  [
    'an end that is removed at once',
    `${LIVE}{"aps":{"event":"end","timestamp":1800000000,"dismissal-date":1}}}`,
  ],
  [
    'a sound with everything',
    `${ALERT}{"aps":{"alert":"Smoke","sound":{"critical":1,"name":"alarm.caf","volume":0}}}}`,
  ],
];
