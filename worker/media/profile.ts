/** One rung of the ladder as a profile file states it. */
export interface ProfileRung {
  /** Short side in pixels at most; the rung is called `{shortSide}p`. */
  readonly shortSide: number
  /** x264 constant rate factor: lower is better and larger. */
  readonly crf: number
  /** Cap on the bit rate in kbit/s at up to 30 pictures a second (see ladder.ts for more). */
  readonly maxrateKbps: number
}

/** How videos are encoded. Loaded from PROFILES_FILE, or the built-in `default`. */
export interface Profile {
  readonly name: string
  /** Largest first. */
  readonly rungs: readonly ProfileRung[]
  /** x264 preset. */
  readonly preset: string
  readonly maxFps: number
  /** Rungs of at most `lowRungShortSide` get half the pictures of sources above this rate (Apple 1.19). */
  readonly lowRungMaxFps: number
  readonly lowRungShortSide: number
  readonly audioKbps: number
  readonly storyboardSeconds: number
}

export declare const defaultProfile: Profile
/** Throws config_invalid naming every problem. */
export declare function loadProfiles(json: string): ReadonlyMap<string, Profile>
