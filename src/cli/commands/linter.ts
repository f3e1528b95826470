/** A stream from notifications to findings. */
import { Transform } from 'node:stream';
import { InvalidNotificationError } from '../../core/errors.js';
import type { Notification } from '../../core/notification.js';
import { getSourceLine } from '../../core/source-line.js';
import type { Http2RuleContext } from '../../rules/rule.js';
import { findingOfError, type LintFinding, lintNotification } from '../../rules/rules.js';
import { fileOf } from '../input/notification-file.js';
import { createFrameCheck } from '../send/targets.js';

/** A finding and its position. */
interface PlacedFinding extends Pick<LintFinding, 'severity'> {
  readonly file?: string;
  readonly line?: number;
}

/** Checks one notification. */
export type Lint = (notification: Notification) => readonly LintFinding[];

/** Every rule of HTTP/2. */
export function createHttp2Lint(context: Http2RuleContext): Lint {
  return (notification) => lintNotification(notification, context);
}

/** The problems that prevent a notification from being encoded as a frame of command 2. */
export function createBinaryLint(): Lint {
  const check = createFrameCheck();
  return (notification) => {
    try {
      check(notification);
      return [];
    } catch (error) {
      if (!(error instanceof InvalidNotificationError)) throw error;
      const { field, problem: message } = error;
      return [
        {
          rule: 'frame',
          severity: 'error',
          ...(field === undefined ? {} : { field }),
          message,
          source: 'docs/protocol-binary.md',
        },
      ];
    }
  };
}

/** A Transform from notifications, and from the errors of lines that hold none, to findings. */
export class Linter extends Transform {
  lines = 0;
  errors = 0;
  warnings = 0;
  readonly #lint: Lint;

  constructor(lint: Lint) {
    super({
      objectMode: true,
      transform: (subject: Notification | InvalidLine, _encoding, callback) => {
        try {
          this.lines++;
          if (subject instanceof InvalidLine)
            this.#report([findingOfError(subject.error)], subject.error.line, subject.file);
          else this.#report(this.#lint(subject), getSourceLine(subject), fileOf(subject));
        } catch (error) {
          callback(error as Error);
          return;
        }
        callback();
      },
    });
    this.#lint = lint;
  }

  /** Takes an invalid line, in the order of the input. */
  writeInvalid(error: InvalidNotificationError, file: string | undefined): void {
    this.write(new InvalidLine(error, file));
  }

  #report(findings: readonly LintFinding[], line: number | undefined, file: string | undefined): void {
    for (const { severity, ...finding } of findings) {
      if (severity === 'error') this.errors++;
      else this.warnings++;
      this.push({
        severity,
        ...(file === undefined ? {} : { file }),
        ...(line === undefined ? {} : { line }),
        ...finding,
      } satisfies PlacedFinding);
    }
  }
}

class InvalidLine {
  readonly error: InvalidNotificationError;
  readonly file: string | undefined;

  constructor(error: InvalidNotificationError, file: string | undefined) {
    this.error = error;
    this.file = file;
  }
}
