/** Which file a notification stood in, where a command reads several. */
import type { Notification } from '../../core/notification.js';

/** A symbol is no field of a notification, so no check and no encoder sees it. */
const FILE = Symbol('file');

/** Remembers the file on the notification itself. */
export function setFile(notification: Notification, file: string): void {
  (notification as { [FILE]?: string })[FILE] = file;
}

/** The file of {@link setFile}, or `undefined`. */
export function fileOf(notification: unknown): string | undefined {
  return (notification as { [FILE]?: string } | undefined)?.[FILE];
}
