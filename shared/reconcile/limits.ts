/** How patient the reconciler is, and how much it does in one run. Seconds, unless said. */
export interface Limits {
  /** The queue's counts settle a minute or more after the last change (facts.md). */
  readonly settleSeconds: number
  /** What still stands so long after that is believed: an empty queue, a counter that is wrong. */
  readonly standsSeconds: number
  /** Between two looks that lie farther apart anything may have happened. */
  readonly lookGapSeconds: number
  /** A lease that ended so long ago is not renewed any more. */
  readonly stalledSeconds: number
  /** SQS lets nobody hold a message for longer than 12 h (facts.md). */
  readonly holdSeconds: number
  /** A job to which nothing happened for so long is sent again, whatever else is in the queue: twice the longest hold. */
  readonly backstopSeconds: number
  /** What an empty queue proves lost is not sent a second time within so long: it may be on its way. */
  readonly againSeconds: number
  /** What a job leaves in the bucket is not touched sooner: no job has that much to do after its end. */
  readonly leftSeconds: number
  /**
   * What nobody remembers is not touched sooner. A record is kept for 15 days and a message for 14 at most: so a wiped
   * Redis never makes anything look old that lives.
   */
  readonly forgottenSeconds: number
  /** Records of jobs read in one run; with more the recount is unknown. */
  readonly records: number
  /** Job folders looked at in one run; the next one goes on behind them. */
  readonly folders: number
  /** Uploads listed in one run. */
  readonly uploads: number
  /** Repairs carried out in one run. */
  readonly repairs: number
  /** The lock is given up by itself after so long, and extended before each repair. */
  readonly lockSeconds: number
}

const day = 86_400

export const defaultLimits: Limits = {
  settleSeconds: 60,
  standsSeconds: 180,
  lookGapSeconds: 150,
  stalledSeconds: 900,
  holdSeconds: day / 2,
  backstopSeconds: day,
  againSeconds: 900,
  leftSeconds: day,
  forgottenSeconds: 15 * day,
  records: 200_000,
  folders: 500,
  uploads: 1000,
  repairs: 100,
  lockSeconds: 120,
}
