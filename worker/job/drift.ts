import { WorkerError } from '../../shared/errors.ts'
import type { AudioManifest, ChunkManifest, Plan, TrackPart } from '../chunk/ledger.ts'
import { framesToSeconds } from '../media/timeline.ts'

/** Seconds of a frame of AAC at 48 kHz. */
const soundFrame = 1024 / 48_000

/**
 * Seconds by which the end of a track of sound may miss that of the pictures: one started frame of its own, one that
 * the encoder adds to empty itself, and a picture's time, since the last one of a source ends when it ends.
 */
export function allowedDrift({ facts, grid }: Plan): number {
  return 2 * soundFrame + (facts.video ? framesToSeconds(1, grid.rate) : 0) + 0.001
}

export function secondsOf(parts: readonly (TrackPart | undefined)[]): number {
  return parts.flatMap((part) => part?.segments ?? []).reduce((sum, segment) => sum + segment.seconds, 0)
}

/** The tracks that are not as long as the pictures, by the manifests; without pictures, as the longest of them. */
export function driftingSounds(
  plan: Plan,
  chunks: readonly ChunkManifest[],
  audio: readonly AudioManifest[],
): { drifting: AudioManifest[]; seconds: number } {
  const top = plan.ladder[0]?.name
  const seconds = top
    ? secondsOf(chunks.map(({ tracks }) => tracks[top]))
    : Math.max(0, ...audio.map(({ track }) => secondsOf([track])))
  const allowed = allowedDrift(plan)
  return {
    seconds,
    drifting: audio.filter(({ track }) => Math.abs(secondsOf([track]) - seconds) > allowed),
  }
}

/** Every track of sound is whole and as long as the pictures. Throws output_invalid. */
export function checkDrift(
  plan: Plan,
  chunks: readonly ChunkManifest[],
  audio: readonly AudioManifest[],
): void {
  for (const { index, track } of audio) {
    const gap = track.segments.findIndex(({ number }, at) => number !== at)
    if (gap >= 0) throw new WorkerError('output_invalid', `audio-${index}: segment ${gap} is missing`)
  }
  const { drifting, seconds } = driftingSounds(plan, chunks, audio)
  const [first] = drifting
  if (!first) return
  const length = secondsOf([first.track]).toFixed(3)
  throw new WorkerError(
    'output_invalid',
    `audio-${first.index} lasts ${length} s, the pictures ${seconds.toFixed(3)} s`,
  )
}
