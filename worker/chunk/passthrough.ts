import { conformingTrack, levelTooLow, pictureObjection } from '../media/conform.ts'
import type { FilmFacts } from '../media/facts.ts'
import type { Rendition } from '../media/ladder.ts'
import type { SampleIndex } from '../media/mp4-index.ts'
import { framesToSeconds, type Grid } from '../media/timeline.ts'
import { planSourceGrid } from './source-grid.ts'

export interface PassthroughRequest {
  readonly facts: FilmFacts
  readonly ladder: readonly Rendition[]
  /** The grid of an encode. */
  readonly grid: Grid
  readonly index: SampleIndex
}

/**
 * Whether what the header says lets the top rendition be a copy of the source's own pictures; the index of the file
 * is worth reading only then. A sentence when not.
 */
export function passthroughObjection({ facts, ladder }: Pick<PassthroughRequest, 'facts' | 'ladder'>) {
  // Only an index tells all times and key frames without reading the file through.
  if (facts.demuxer !== 'mov') return `the container (${facts.demuxer}) has no index of all pictures`
  // Its encoder makes key frames at even distances only (args-av1.ts).
  if (ladder.some(({ codec }) => codec === 'av1')) return 'there are renditions in AV1'
  return pictureObjection(facts.video, ladder[0]!)
}

/**
 * The grid on the source's own key frames by which its pictures become the top rendition, or a sentence that says
 * why they have to be encoded.
 */
export function planPassthrough({ facts, ladder, grid, index }: PassthroughRequest): Grid | string {
  const top = ladder[0]!
  const { origin } = facts.video
  if (index.format !== 'avc1') return `its pictures are stored as ${index.format}`
  if (origin.timeBase.num * index.timescale !== origin.timeBase.den)
    return 'its clock is not the one that was probed'
  const track = conformingTrack(index, grid.rate)
  if (typeof track === 'string') return track
  if (levelTooLow(index.configuration!, top, top.rate)) return 'its level is too low for its size'
  // An edit list that hides pictures at an end shows in what the probe saw of them.
  if (
    Math.abs(framesToSeconds(track.totalFrames, grid.rate) - facts.seconds) > framesToSeconds(0.6, grid.rate)
  )
    return `an edit list shows ${facts.seconds.toFixed(2)} s of its ${track.totalFrames} pictures`
  const own = planSourceGrid({
    ...{ usual: grid, keys: track.keys, totalFrames: track.totalFrames },
    even: ladder.some(({ everyNth }) => everyNth === 2),
  })
  if (typeof own === 'string') return own
  return rateObjection(own, track, top) ?? own
}

/**
 * The average must be under the rung's cap, and each segment under what an encode could reach: the cap for its
 * length, and one full buffer more.
 */
function rateObjection(
  grid: Grid,
  track: { keys: readonly { frame: number }[]; bytes: readonly number[] },
  { maxrateKbps, bufsizeKbps }: Rendition,
): string | undefined {
  const kbits = (bytes: number) => (bytes * 8) / 1000
  const all = track.bytes.reduce((sum, bytes) => sum + bytes, 0)
  const average = kbits(all) / framesToSeconds(grid.totalFrames, grid.rate)
  if (average > maxrateKbps) return `it has ${Math.round(average)} kbit/s, the cap is ${maxrateKbps}`
  let group = 0
  const { segments } = grid.cuts!
  for (const [index, first] of segments.entries()) {
    const end = segments[index + 1] ?? grid.totalFrames
    let bytes = 0
    for (; group < track.keys.length && track.keys[group]!.frame < end; group++) bytes += track.bytes[group]!
    const seconds = framesToSeconds(end - first, grid.rate)
    if (kbits(bytes) > maxrateKbps * seconds + bufsizeKbps) {
      const peak = Math.round(kbits(bytes) / seconds)
      return `it has ${peak} kbit/s at ${Math.round(framesToSeconds(first, grid.rate))} s, the cap is ${maxrateKbps}`
    }
  }
  return undefined
}
