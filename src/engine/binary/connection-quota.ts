/**
 * Limits how many unproved frames a connection may hold.
 *
 * A gateway discards every frame after the one that it names, so the sender must write those frames again. If it wrote
 * a full window to each connection, a gateway that rejects every frame would cause N²/2 writes for N frames. So the
 * quota depends on what the last connection proved: it halves when frames are lost, and doubles with proof.
 *
 * **The law.** Let R be the rejections and lost connections, and S the frames that they and the checkpoints settled.
 * With one connection at a time the frames that are written again number at most
 *
 *     2 × quota at first + 4 × S + 8 × R
 *
 * Proof, with q for the quota and 2q as the potential: a connection loses at most q frames, and afterwards the quota is
 * at most max(8, 2 × the frames it proved, q / 2). So the loss and the change of the potential add up to at most
 * max(8, 4 × the frames it proved). A checkpoint loses nothing, and raises the quota to at most 2 × the frames it
 * proved. With several connections side by side, each can hold frames that an earlier quota allowed: the bound is
 * multiplied by their number.
 */

/** With a smaller quota, the sender would open a connection for every few frames. */
export const MIN_QUOTA_FRAMES = 8;

/** See the file comment. */
export class ConnectionQuota {
  readonly #max: number;
  readonly #min: number;
  #frames: number;

  /** @param max the quota at first, and the most that it can become */
  constructor(max: number) {
    this.#max = max;
    this.#min = Math.min(max, MIN_QUOTA_FRAMES);
    this.#frames = max;
  }

  /** How many frames a connection may hold without proof. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Updates the quota with the result of a connection.
   *
   * @param proved the frames that were settled for good
   * @param lost the frames that were discarded, or whose outcome is not known
   */
  note(proved: number, lost: number): void {
    const doubled = Math.min(this.#max, 2 * proved);
    if (lost === 0) this.#frames = Math.max(this.#frames, doubled);
    else this.#frames = Math.max(this.#min, doubled, Math.min(this.#frames, proved + lost) >> 1);
  }
}
