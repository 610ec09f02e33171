import { WorkerError } from '../../shared/errors.ts'
import type { Plan } from '../chunk/ledger.ts'
import { beginsClean } from '../media/first-picture.ts'
import type { InitFacts } from '../media/fmp4.ts'
import { type AvcConfiguration, checkPicture, parseConfiguration, refused } from '../media/h264.ts'
import type { Rendition } from '../media/ladder.ts'
import { type Chunk, framesToSeconds, segmentLength, segmentStart } from '../media/timeline.ts'
import type { Measured } from './collect.ts'

/**
 * Judges the segments of a chunk as they come: each is where the grid says, whole, and starts with a key frame. Only
 * the last of the video may be short, and none that is copied. Copied pictures must also be what their container says of
 * them. Throws
 * output_invalid, copy_refused.
 */
export function segmentCheck({ grid, ladder }: Plan, chunk: Chunk): (track: string, found: Measured) => void {
  let configuration: AvcConfiguration | undefined

  return (track, { number, init, facts, data }) => {
    const rendition = ladder.find(({ name }) => name === track)
    const fault = rendition?.copied ? refused : invalid
    const where = `${track}/seg-${number}`
    const wantTicks = (segmentStart(grid, number) * grid.rate.den * init.timescale) / grid.rate.num
    const wantSamples = segmentLength(grid, number) / (rendition?.everyNth ?? 1)
    if (number < chunk.firstSegment) throw invalid(`${where} belongs to an earlier chunk than ${chunk.index}`)
    if (!facts.startsWithKeyframe) throw fault(`${where} does not start with a key frame`)
    if (Math.abs(facts.baseDecodeTime - wantTicks) > 1)
      throw fault(`${where} starts at tick ${facts.baseDecodeTime}, the grid says ${wantTicks}`)
    // The index of a source names each of its pictures: one that is not there was too damaged to be copied.
    if (rendition?.copied ? facts.samples !== wantSamples : facts.samples > wantSamples)
      throw fault(`${where} has ${facts.samples} frames, the grid says ${wantSamples}`)
    if (!rendition?.copied) {
      if (rendition) checkMade(rendition, init)
      const [first] = facts.pictures
      if (first && !beginsClean(data.subarray(first.offset, first.offset + first.length), init.codec))
        throw invalid(`${where} does not start with a picture of its own`)
      return
    }
    // The join would find it, too, when all is encoded: what cannot be copied is better known at once.
    const planned = framesToSeconds(segmentLength(grid, number), grid.rate)
    const last = segmentStart(grid, number + 1) >= grid.totalFrames
    if (!last && Math.abs(facts.seconds - planned) > 0.001)
      throw refused(`${where} lasts ${facts.seconds} s, the grid says ${planned}`)
    configuration ??= parseConfiguration(Buffer.from(init.configuration ?? '', 'base64'))
    for (const { offset, length, key } of facts.pictures)
      checkPicture(data.subarray(offset, offset + length), key, configuration)
  }
}

/** By the first letters of its CODECS. */
const codecNames = { h264: 'avc1.', hevc: 'hvc1.', av1: 'av01.' } as const

/** What the encoder made is what the plan asked for. */
function checkMade({ name, codec, width, height, range }: Rendition, init: InitFacts): void {
  const wanted = codecNames[codec ?? 'h264']
  if (!init.codec.startsWith(wanted)) throw invalid(`${name} is ${init.codec}, the plan says ${wanted}`)
  if (init.width !== width || init.height !== height)
    throw invalid(`${name} is ${init.width}x${init.height}, the plan says ${width}x${height}`)
  if (init.range !== range)
    throw invalid(`${name} is ${init.range ?? 'SDR'}, the plan says ${range ?? 'SDR'}`)
}

/** Segments in each rendition of a chunk that is not the last. Throws output_invalid when they differ or are too many. */
export function segmentsOf(
  chunk: Chunk,
  tracks: ReadonlyMap<string, { segments: readonly unknown[] }>,
): number {
  const counts = [...new Set([...tracks.values()].map((part) => part.segments.length))]
  if (counts.length > 1)
    throw invalid(`the renditions of chunk ${chunk.index} have ${counts.join(' and ')} segments`)
  const [count = 0] = counts
  if (count > chunk.segments)
    throw invalid(`chunk ${chunk.index} has ${count} segments, the plan says ${chunk.segments}`)
  return count
}

function invalid(message: string): WorkerError {
  return new WorkerError('output_invalid', message)
}
