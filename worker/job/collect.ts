import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import { every } from '../../shared/time.ts'
import type { TrackPart } from '../chunk/ledger.ts'
import { type InitFacts, isEmptySegment, parseInit, parseSegment, type SegmentFacts } from '../media/fmp4.ts'
import { splitSegment } from '../media/fmp4-split.ts'
import type { PlaylistSegment } from '../media/playlist.ts'
import type { Seal } from '../media/seal.ts'
import { orScratchFull, readMade, writeBeside } from './made-files.ts'
import type { SegmentStore } from './segment-store.ts'

/** How often ffmpeg's folders are looked at: a segment is six seconds of video, so this delays nothing. */
const scanMs = 250

const segmentName = /^seg-(\d+)\.m4s$/

/** A segment that was measured, with its bytes: whoever judges it may look closer. */
export interface Measured {
  readonly number: number
  readonly init: InitFacts
  readonly facts: SegmentFacts
  readonly data: Buffer
}

export interface CollectorInput {
  /** The folder of the run. */
  readonly dir: string
  /** Track name to the folder that ffmpeg writes it to. */
  readonly tracks: ReadonlyMap<string, string>
  /** Segments are whole MP4 files (a grid with cuts), and complete only when the next one is there. */
  readonly selfContained: boolean
  readonly store: SegmentStore
  /** A file's name in the bucket. */
  named(file: string): string
  /** Judges a segment against the plan as soon as it is there; throws output_invalid or copy_refused. */
  check(track: string, segment: Measured): void
  /** Makes of a judged segment what is stored; none: what ffmpeg wrote, with its init segment beside it. */
  pack?(track: string, segment: Measured): Promise<{ name: string; data: Buffer }>
  /** Told of each segment as it is before it is encrypted; header: its init segment, where it needs one. */
  look?(track: string, segment: Measured, stored: { data: Buffer; header: Buffer | undefined }): Promise<void>
  /** Encrypts what is stored of a segment, by its number. Init segments stay as they are. */
  seal?: Seal
  onSegment?(track: string, bytes: number): void
  /** A segment cannot be read or is not as planned: the encode must stop. */
  onError(error: WorkerError): void
}

export interface Collector {
  /** After ffmpeg's exit: takes the rest and resolves to the tracks; `stored` once all of it is in the bucket. */
  finish(): Promise<{ tracks: Map<string, TrackPart>; stored: Promise<void> }>
  stop(): void
  /** After a run that failed: resolves once what it left goes nowhere any more. */
  settled(): Promise<void>
}

interface OpenTrack {
  readonly name: string
  readonly dir: string
  init: TrackPart['init'] | undefined
  header: Buffer | undefined
  readonly segments: Map<number, PlaylistSegment>
}

/**
 * Takes finished segments from ffmpeg's folders while it goes on. With the HLS muxer a segment bears its final name
 * only once it is closed (hls_flags temp_file). Each is measured, judged and handed on at once.
 */
export function createCollector(input: CollectorInput): Collector {
  const tracks: OpenTrack[] = [...input.tracks].map(([name, dir]) => ({
    name,
    dir,
    init: undefined,
    header: undefined,
    segments: new Map(),
  }))
  let failed: WorkerError | undefined
  let scanning: Promise<void> = Promise.resolve()

  async function take(track: OpenTrack, file: string, number: number): Promise<void> {
    const path = join(track.dir, file)
    const written = await readMade(path)
    if (isEmptySegment(written)) return
    const media = input.selfContained ? await takeApart(track, written, number) : written
    track.init ??= await takeInit(track)
    const facts = parseSegment(media, track.init.timescale)
    const measured = { number, init: track.init, facts, data: media }
    input.check(track.name, measured)
    const packed = await input.pack?.(track.name, measured)
    const { name, data: plain } = packed ?? { name: input.named(file), data: media }
    const data = input.seal?.(plain, number) ?? plain
    const asWritten = data === written
    await input.look?.(track.name, measured, { data: plain, header: packed ? undefined : track.header })
    const place = await input.store.keep({ track: track.name, path, name, bytes: data, asWritten })
    track.segments.set(number, {
      ...{ number, ...place, seconds: facts.seconds, bytes: data.length },
      keyframe: packed || input.seal ? undefined : facts.firstKeyframe,
    })
    input.onSegment?.(track.name, data.length)
  }

  async function takeApart(track: OpenTrack, file: Buffer, number: number): Promise<Buffer> {
    const { init, media } = splitSegment(file, number + 1)!
    if (!track.init) {
      await writeBeside(join(track.dir, 'init.mp4'), init)
    } else if (md5Of(init) !== track.init.md5) {
      throw new WorkerError('output_invalid', `${track.name}: segment ${number} has another header`)
    }
    return media
  }

  async function takeInit(track: OpenTrack): Promise<TrackPart['init']> {
    const path = join(track.dir, 'init.mp4')
    const data = await readMade(path)
    track.header = data
    if (input.pack) return { ...parseInit(data), bytes: data.length, md5: md5Of(data) }
    const uri = input.named('init.mp4')
    input.store.keepInit(track.name, uri, path, data.length)
    return { ...parseInit(data), uri, bytes: data.length, md5: md5Of(data) }
  }

  async function scanAll(ended: boolean): Promise<void> {
    for (const track of tracks) {
      const files = (await readdir(track.dir)).filter((file) => segmentName.test(file)).sort()
      if (input.selfContained && !ended) files.pop()
      for (const file of files) {
        const number = Number(segmentName.exec(file)![1])
        if (!track.segments.has(number)) await take(track, file, number)
      }
    }
  }

  function scan(ended = false): Promise<void> {
    scanning = scanning.then(async () => {
      if (failed) return
      await scanAll(ended).catch(async (error: unknown) => {
        failed = await orScratchFull(asWorkerError(error), input.dir)
        input.onError(failed)
      })
    })
    return scanning
  }
  const timer = every(scanMs, () => scan())

  return {
    stop: () => timer.stop(),
    async settled() {
      timer.stop()
      await scanning
      await input.store.stored()
    },
    async finish() {
      timer.stop()
      await scan(true)
      if (failed) throw failed
      const parts = new Map<string, TrackPart>()
      for (const track of tracks) {
        if (!track.init) continue
        const segments = [...track.segments.values()].sort((a, b) => a.number - b.number)
        parts.set(track.name, { init: track.init, segments })
      }
      if (parts.size !== 0 && parts.size !== tracks.length) {
        const missing = tracks.filter((track) => !track.init).map((track) => track.name)
        throw new WorkerError('output_invalid', `ffmpeg wrote no segments for ${missing.join(', ')}`)
      }
      return { tracks: parts, stored: input.store.stored() }
    },
  }
}

function md5Of(data: Buffer): string {
  return createHash('md5').update(data).digest('hex')
}
