import { frameSamples } from '../media/adts.ts'
import { planSounds, type Sound } from '../media/sounds.ts'
import { framesToSeconds, type Grid } from '../media/timeline.ts'
import type { Plan } from './ledger.ts'

/** How the folder of a job is laid out: docs/output.md. A plan that an older worker stored has no word for it. */
type Laid = Pick<Plan, 'profile' | 'facts'>

/** Whether sound lies in the segments of the pictures, as it does with `academy`. */
export function isMuxed({ profile, facts }: Laid): boolean {
  return profile.layout === 'academy' && facts.video !== undefined
}

/** Audio renditions of their own, in the order of their folders. */
export function soundRenditions(plan: Laid): readonly Sound[] {
  return isMuxed(plan) ? [] : planSounds(plan.facts, plan.profile)
}

/** The track that is muxed into the pictures' segments. */
export function muxedSound(plan: Laid): Sound | undefined {
  return isMuxed(plan) ? planSounds(plan.facts, { surround: 'off' })[0] : undefined
}

/** File name of a segment of muxed pictures and sound. It is fixed: one of a plan that was given up is told by its size. */
export function muxedName(number: number): string {
  return `index${number}.ts`
}

/** Name of the thumbnail in the job's folder. */
export function posterName({ profile }: Pick<Plan, 'profile'>): string {
  return profile.layout === 'academy' ? 'thumbnail.jpg' : 'poster.jpg'
}

const sampleRate = 48_000

/**
 * The number of the first frame of sound that begins at or after a frame of the grid. Sound has a grid of its own from
 * the start of the video on, 1024 samples each, so that chunks encoded apart share it out between them.
 */
export function soundFrameAt(frame: number, { rate }: Pick<Grid, 'rate'>): number {
  // A thousandth of a frame against what fractions of seconds lose.
  return Math.max(0, Math.ceil((framesToSeconds(frame, rate) * sampleRate) / frameSamples - 0.001))
}
