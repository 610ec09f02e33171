import type { Grid, Rational } from '../media/timeline.ts'

export interface GridRequest {
  readonly rate: Rational
  /** Estimated length of the video in seconds. */
  readonly seconds: number
  readonly segmentSeconds: number
  /** Infinity for one chunk (sources that cannot be sought). */
  readonly chunkSeconds: number
}

export declare function planGrid(request: GridRequest): Grid
