import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import { every } from '../../shared/time.ts'
import type { TrackPart } from '../chunk/ledger.ts'
import { type InitFacts, isEmptySegment, parseInit, parseSegment, type SegmentFacts } from '../media/fmp4.ts'
import type { PlaylistSegment } from '../media/playlist.ts'
import type { Uploader } from './upload.ts'

/** How often ffmpeg's folders are looked at: a segment is six seconds of video, so this delays nothing. */
const scanMs = 250

const segmentName = /^seg-(\d+)\.m4s$/

export interface CollectorInput {
  /** Track name to the folder that ffmpeg writes it to. */
  readonly tracks: ReadonlyMap<string, string>
  /** The key of one of a track's files. */
  key(track: string, file: string): string
  readonly uploader: Uploader
  /** Judges a segment against the plan as soon as it is there; throws output_invalid. */
  check(track: string, number: number, init: InitFacts, segment: SegmentFacts): void
  onSegment?(track: string, bytes: number): void
  /** A segment cannot be read or is not as planned: the encode must stop. */
  onError(error: WorkerError): void
}

export interface Collector {
  /** After ffmpeg's exit: takes the rest and resolves to the tracks once all of it is stored in the bucket. */
  finish(): Promise<{ tracks: Map<string, TrackPart>; stored: Promise<void> }>
  stop(): void
}

interface OpenTrack {
  readonly name: string
  readonly dir: string
  init: (InitFacts & { bytes: number; md5: string }) | undefined
  readonly segments: Map<number, PlaylistSegment>
}

/**
 * Takes finished segments from ffmpeg's folders while it goes on: a segment bears its final name only once it is
 * closed (hls_flags temp_file). Each is measured, judged and handed to the uploader at once.
 */
export function createCollector(input: CollectorInput): Collector {
  const tracks: OpenTrack[] = [...input.tracks].map(([name, dir]) => ({
    name,
    dir,
    init: undefined,
    segments: new Map(),
  }))
  const uploads: Promise<void>[] = []
  let failed: WorkerError | undefined
  let scanning: Promise<void> = Promise.resolve()

  function upload(path: string, key: string, bytes: number): void {
    uploads.push(
      new Promise((resolve) => {
        input.uploader.add({ path, key, bytes, removeAfter: true, onDone: () => resolve() })
      }),
    )
  }

  async function take(track: OpenTrack, file: string, number: number): Promise<void> {
    const path = join(track.dir, file)
    const data = await readFile(path)
    if (isEmptySegment(data)) return
    track.init ??= await takeInit(track)
    const facts = parseSegment(data, track.init.timescale)
    input.check(track.name, number, track.init, facts)
    track.segments.set(number, {
      uri: file,
      seconds: facts.seconds,
      bytes: data.length,
      keyframe: facts.firstKeyframe,
    })
    input.onSegment?.(track.name, data.length)
    upload(path, input.key(track.name, file), data.length)
  }

  async function takeInit(track: OpenTrack): Promise<InitFacts & { bytes: number; md5: string }> {
    const path = join(track.dir, 'init.mp4')
    const data = await readFile(path)
    const md5 = createHash('md5').update(data).digest('hex')
    upload(path, input.key(track.name, 'init.mp4'), data.length)
    return { ...parseInit(data), bytes: data.length, md5 }
  }

  async function scanAll(): Promise<void> {
    for (const track of tracks) {
      for (const file of (await readdir(track.dir)).sort()) {
        const number = segmentName.exec(file)?.[1]
        if (number !== undefined && !track.segments.has(Number(number)))
          await take(track, file, Number(number))
      }
    }
  }

  function scan(): Promise<void> {
    scanning = scanning.then(async () => {
      if (failed) return
      await scanAll().catch((error: unknown) => {
        failed = asWorkerError(error)
        input.onError(failed)
      })
    })
    return scanning
  }
  const timer = every(scanMs, scan)

  return {
    stop: () => timer.stop(),
    async finish() {
      timer.stop()
      await scan()
      if (failed) throw failed
      const parts = new Map<string, TrackPart>()
      for (const track of tracks) {
        if (!track.init) continue
        const segments = [...track.segments].sort(([a], [b]) => a - b).map(([, segment]) => segment)
        parts.set(track.name, { init: track.init, segments })
      }
      if (parts.size !== 0 && parts.size !== tracks.length) {
        const missing = tracks.filter((track) => !track.init).map((track) => track.name)
        throw new WorkerError('output_invalid', `ffmpeg wrote no segments for ${missing.join(', ')}`)
      }
      return { tracks: parts, stored: Promise.all(uploads).then(() => undefined) }
    },
  }
}
