import type { SourceFacts } from './facts.ts'
import type { Profile } from './profile.ts'
import type { Rational } from './timeline.ts'

/** One video rendition of the output, fully decided. */
export interface Rendition {
  /** `720p`: also the name of its folder. */
  readonly name: string
  readonly width: number
  readonly height: number
  /** Pictures per second: the grid's rate, or half of it when `everyNth` is 2. */
  readonly rate: Rational
  readonly everyNth: 1 | 2
  readonly crf: number
  readonly maxrateKbps: number
  readonly bufsizeKbps: number
  /** H.264 level for `-level:v`, such as '3.1'. */
  readonly level: string
}

export declare function planLadder(facts: SourceFacts, profile: Profile): Rendition[]
/** The rate of the output grid: the source's, brought to at most `maxFps` by whole divisors. */
export declare function outputRate(facts: SourceFacts, profile: Profile): Rational
