/**
 * What Apple defines inside a payload, as types: an editor completes the keys and shows what each is for.
 * They check nothing at run time, and the payload remains any JSON object.
 *
 * Sources: Apple, "Generating a remote notification", tables 1 to 3; for Live Activities, "Starting and
 * updating Live Activities with ActivityKit push notifications"; for widgets, "Updating widgets with WidgetKit
 * push notifications".
 */

/** A payload: Apple's keys in `aps`, the app's own beside it. */
export interface ApsPayload {
  readonly aps?: Aps | LiveActivityAps;
  // biome-ignore lint/suspicious/noExplicitAny: with unknown, no interface or class of the app's own would fit
  readonly [custom: string]: any;
}

/** The `aps` dictionary of every push type but `liveactivity`. */
export interface Aps {
  /** What is shown: the body alone, or a dictionary of its parts. */
  readonly alert?: string | ApsAlert;
  /** The number on the app's icon; 0 takes it away. */
  readonly badge?: number;
  /** A sound file of the app, or `default`; a dictionary for a critical alert. */
  readonly sound?: string | ApsSound;
  /** Notifications with the same one are grouped. */
  readonly 'thread-id'?: string;
  /** The identifier of one of the app's notification categories, which brings the buttons. */
  readonly category?: string;
  /** 1 wakes the app in the background. For that alone, leave out `alert`, `badge` and `sound`. */
  readonly 'content-available'?: 0 | 1;
  /** 1 lets the app's notification service extension change the notification before it is shown. */
  readonly 'mutable-content'?: 0 | 1;
  /** The identifier of the window to bring forward. */
  readonly 'target-content-id'?: string;
  /** How much the notification interrupts. */
  readonly 'interruption-level'?: 'passive' | 'active' | 'time-sensitive' | 'critical';
  /** From 0 to 1: which of the app's notifications comes first in a summary. */
  readonly 'relevance-score'?: number;
  /** What decides whether it is shown in the current Focus. */
  readonly 'filter-criteria'?: string;
  /** Push type `widgets` and `controls`: reload them. */
  readonly 'content-changed'?: boolean;
  /** Safari websites: what fills the placeholders of the site's URL format. */
  readonly 'url-args'?: readonly string[];
  /** Only with push type `liveactivity`. */
  readonly event?: never;
}

/** The parts of an alert. A `loc-key` names a text in the app's `Localizable.strings`, `loc-args` fill it. */
export interface ApsAlert {
  readonly title?: string;
  readonly subtitle?: string;
  readonly body?: string;
  /** The file of an image to show at the launch. */
  readonly 'launch-image'?: string;
  readonly 'title-loc-key'?: string;
  readonly 'title-loc-args'?: readonly string[];
  readonly 'subtitle-loc-key'?: string;
  readonly 'subtitle-loc-args'?: readonly string[];
  readonly 'loc-key'?: string;
  readonly 'loc-args'?: readonly string[];
  /** The button's text. Archived guide only. */
  readonly 'action-loc-key'?: string;
  /** Safari websites: the button's text. Archived guide only. */
  readonly action?: string;
  /** The text that the summary of a group shows, iOS 12 to 14. */
  readonly 'summary-arg'?: string;
  /** How many items the notification adds to that summary, iOS 12 to 14. */
  readonly 'summary-arg-count'?: number;
}

/** The sound of a critical alert; the app needs Apple's entitlement for those. */
export interface ApsSound {
  readonly critical?: 0 | 1;
  /** A sound file of the app, or `default`. */
  readonly name?: string;
  /** From 0, silent, to 1. */
  readonly volume?: number;
}

/** The `aps` dictionary of push type `liveactivity`. */
export type LiveActivityAps = LiveActivityStartAps | LiveActivityUpdateAps | LiveActivityEndAps;

/** The keys that all events of a Live Activity share. */
export interface LiveActivityEventAps {
  /** UNIX seconds at which this was sent; the device ignores what is older than what it has. */
  readonly timestamp: number;
  /** The app's `ContentState`, in the form in which it is decoded there. */
  readonly 'content-state'?: object;
  /** UNIX seconds from which the content is out of date. */
  readonly 'stale-date'?: number;
  /** Which of several Live Activities gets the Dynamic Island: the highest. Any number. */
  readonly 'relevance-score'?: number;
  /** Lights up the screen. */
  readonly alert?: LiveActivityAlert;
}

/** Starts a Live Activity. */
export interface LiveActivityStartAps extends LiveActivityEventAps {
  readonly event: 'start';
  readonly 'content-state': object;
  /** The name of the app's type of `ActivityAttributes`. */
  readonly 'attributes-type': string;
  /** Its values. */
  readonly attributes: object;
  readonly alert: LiveActivityAlert;
  /** 1 asks for a push token, with which the Live Activity can then be updated. */
  readonly 'input-push-token'?: 1;
  /** The channel whose broadcasts update it, base64. */
  readonly 'input-push-channel'?: string;
}

/** Updates a Live Activity. */
export interface LiveActivityUpdateAps extends LiveActivityEventAps {
  readonly event: 'update';
  readonly 'content-state': object;
}

/** Ends a Live Activity. */
export interface LiveActivityEndAps extends LiveActivityEventAps {
  readonly event: 'end';
  /** UNIX seconds at which it disappears; one in the past for at once. @default up to four hours later */
  readonly 'dismissal-date'?: number;
}

/** An alert that comes with an event of a Live Activity. */
export interface LiveActivityAlert {
  readonly title?: string | LocalizedText;
  readonly body?: string | LocalizedText;
  readonly sound?: string;
}

/** A text in the app's `Localizable.strings`, and what fills it. */
export interface LocalizedText {
  readonly 'loc-key': string;
  readonly 'loc-args'?: readonly string[];
}
