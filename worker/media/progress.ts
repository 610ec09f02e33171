/** One report of ffmpeg's `-progress`. */
export interface ProgressUpdate {
  /** Frames of the first video output so far. */
  readonly frame: number
  /** Media seconds written so far in this run; 0 while ffmpeg says N/A. */
  readonly seconds: number
  /** Media seconds per second of wall time, 0 while unknown. */
  readonly speed: number
  readonly done: boolean
}
