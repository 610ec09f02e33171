/** A shared video on a fleet that is larger than the one at hand: what the stages cost is measured, the rest follows. */

/** What one shared video cost in a measured run, in wall seconds. */
export interface StageTimes {
  /** Chunks and audio tracks of that run. */
  readonly parts: number
  /** From the message's sending until its parts are in the queue. */
  readonly plan: number
  /** Of a part beside its encode: receive, claim, look, upload of the rest, settle, ask again. */
  readonly part: number
  /** Of encode per second of video: every rendition of a chunk, one audio track. */
  readonly chunkRate: number
  readonly audioRate: number
  /** From the end of the last part to the callback. */
  readonly join: number
}

/** The same with what a longer list of parts adds, in seconds per part. */
export interface FleetTimes extends StageTimes {
  readonly planPerPart: number
  readonly joinPerPart: number
}

export interface FleetCase {
  readonly workers: number
  /** Of the video. */
  readonly seconds: number
  readonly chunkSeconds: number
  /** Whether the sound is sent behind the chunks; the product sends it in front of them. */
  readonly audioLast?: boolean
}

/**
 * Seconds from the message's sending to the callback. Discrete events: the parts lie in the queue in the order of
 * their sending, and each worker that becomes free takes the first one. Pure.
 */
export function simulate(times: FleetTimes, fleet: FleetCase): number {
  const queue = partsOf(times, fleet)
  const planned = planSeconds(times, queue.length)
  const freeAt = Array.from({ length: fleet.workers }, () => planned)
  for (const encode of queue) {
    const next = freeAt.indexOf(Math.min(...freeAt))
    freeAt[next] = freeAt[next]! + times.part + encode
  }
  return Math.max(...freeAt) + joinSeconds(times, queue.length)
}

/**
 * The same in closed form, for chunks of one length with the sound in front of them: plan + t + join, where t is the
 * first time, not before the sound is done, by which (workers - 1) x floor(t / chunk) + floor((t - audio) / chunk)
 * chunks are done. A worker ends its parts at multiples of `chunk`, or at those plus `audio`: t is one of these.
 */
export function formula(times: FleetTimes, fleet: FleetCase): number {
  const chunks = chunkCount(fleet)
  const chunk = times.part + times.chunkRate * Math.min(fleet.chunkSeconds, fleet.seconds)
  const audio = times.part + times.audioRate * fleet.seconds
  const ends = Array.from({ length: chunks + 1 }, (_, round) => [round * chunk, audio + round * chunk]).flat()
  const nearly = 1e-9
  const done = (at: number) =>
    (fleet.workers - 1) * Math.floor(at / chunk + nearly) + Math.floor((at - audio) / chunk + nearly)
  const encodes = ends.toSorted((a, b) => a - b).find((at) => at >= audio && done(at) >= chunks)!
  return planSeconds(times, chunks + 1) + encodes + joinSeconds(times, chunks + 1)
}

export function chunkCount({ seconds, chunkSeconds }: FleetCase): number {
  return Math.max(1, Math.ceil(seconds / chunkSeconds))
}

/** Encode seconds of each part, in the order of their sending. */
function partsOf({ chunkRate, audioRate }: FleetTimes, fleet: FleetCase): number[] {
  const { seconds, chunkSeconds, audioLast = false } = fleet
  const chunks = Array.from({ length: chunkCount(fleet) }, (_, index) => {
    return chunkRate * Math.min(chunkSeconds, seconds - index * chunkSeconds)
  })
  const audio = audioRate * seconds
  return audioLast ? [...chunks, audio] : [audio, ...chunks]
}

function planSeconds(times: FleetTimes, parts: number): number {
  return times.plan + times.planPerPart * Math.max(0, parts - times.parts)
}

function joinSeconds(times: FleetTimes, parts: number): number {
  return times.join + times.joinPerPart * Math.max(0, parts - times.parts)
}

/** How many times as fast as a fleet of one. */
export function speedUp(times: FleetTimes, fleet: FleetCase): number {
  return simulate(times, { ...fleet, workers: 1 }) / simulate(times, fleet)
}

/** Stage times with what each part adds, from two runs of one and the same video cut into few and into many chunks. */
export function withSlopes(times: StageTimes, few: StageTimes, many: StageTimes): FleetTimes {
  // Below zero is noise: no list gets cheaper by being longer.
  const slope = (name: 'plan' | 'join') =>
    Math.max(0, (many[name] - few[name]) / Math.max(1, many.parts - few.parts))
  return { ...times, planPerPart: slope('plan'), joinPerPart: slope('join') }
}
