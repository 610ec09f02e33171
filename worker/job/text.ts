import { mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { asWorkerError, type ErrorCode } from '../../shared/errors.ts'
import { textFolder } from '../../shared/keys.ts'
import type { Storage } from '../../shared/storage.ts'
import { monotonicMs } from '../../shared/time.ts'
import {
  readText,
  type Sidecar,
  type SkippedText,
  type TextManifest,
  type TextTrack,
  textTracksOf,
  trackName,
  writeText,
} from '../chunk/text-ledger.ts'
import { textFile, textShift } from '../media/args-text.ts'
import type { SubtitleFacts } from '../media/facts.ts'
import { decodeSubtitles } from '../media/subtitle-bytes.ts'
import { type ParsedSubtitles, parseSubtitles } from '../media/subtitle-parse.ts'
import { cutSubtitles } from '../media/subtitle-segments.ts'
import type { EncodeContext } from './encode.ts'
import { readIfMade } from './made-files.ts'
import { extractText } from './text-extract.ts'
import type { Present } from './walk.ts'

/** Twelve hours of speech are about one MiB. */
const mostSidecarBytes = 4 * 2 ** 20
/** Requests at a time: the files are small, and pictures and sound go up beside them. */
const uploadsAtOnce = 8

/** What may become a rendition: read, and not yet cut. */
interface Candidate
  extends Pick<TextTrack, 'from' | 'language' | 'title' | 'isDefault' | 'forced' | 'forDeaf'> {
  readonly codec: string
  /** A string says why it cannot be read. */
  read(): Promise<ParsedSubtitles | string>
}

/** The subtitles of a job: from the bucket, or made now. */
export async function textPart(
  encoding: EncodeContext,
  storage: Storage,
  present: Present,
): Promise<TextManifest | undefined> {
  const { plan, folder, signal } = encoding
  return (await readText(storage, folder, plan, present, signal)) ?? (await makeText(encoding, storage))
}

/**
 * Makes a rendition of every track and every sidecar that can be read. None of them can fail the video: what cannot
 * be read is listed with its reason. Undefined when the job has no subtitles at all.
 */
export async function makeText(encoding: EncodeContext, storage: Storage): Promise<TextManifest | undefined> {
  const { plan, logger, signal } = encoding
  const embedded = textTracksOf(plan)
  const sidecars = plan.sidecars ?? []
  if (embedded.length + sidecars.length === 0) return undefined
  const started = monotonicMs()
  const outDir = join(encoding.dir, 'text')
  await mkdir(outDir, { recursive: true })
  const failures = await extractText(encoding, embedded, outDir)
  const candidates = [
    ...embedded.map((track) => fromTrack(track, outDir, plan.facts, failures.get(track.index))),
    ...sidecars.map((sidecar) => fromSidecar(sidecar, storage, signal)),
  ]
  const tracks: TextTrack[] = []
  const skipped: SkippedText[] = []
  for (const candidate of candidates) {
    signal.throwIfAborted()
    const made = await makeTrack(encoding, candidate, tracks.length)
    if (typeof made !== 'string') tracks.push(made)
    else {
      const { from, codec, language } = candidate
      skipped.push({ from, codec, language, reason: made })
    }
  }
  await rm(outDir, { recursive: true, force: true })
  const encodeSeconds = (monotonicMs() - started) / 1000
  logger.info({ tracks: tracks.length, skipped: skipped.length }, 'subtitles made')
  return writeText(storage, encoding.folder, plan, { tracks, skipped, encodeSeconds }, signal)
}

/** A rendition, stored; or why there is none. */
async function makeTrack(
  { plan, folder, uploader, logger, onBytesMoved }: EncodeContext,
  { read, codec: _, ...candidate }: Candidate,
  position: number,
): Promise<TextTrack | string> {
  const parsed = await read()
  if (typeof parsed === 'string') return parsed
  const { cues, bad } = parsed
  const files = cutSubtitles(cues, plan.facts.seconds)
  if (!files) return 'too many of its lines are shown at the same time'
  if (cues.every(({ start, end }) => start >= plan.facts.seconds || end <= 0))
    return cues.length === 0 ? 'it has no lines that can be read' : 'none of its lines lies in the video'
  if (bad > 0)
    logger.warn({ from: candidate.from, bad, cues: cues.length }, 'bad lines of subtitles left out')
  const segments: TextTrack['segments'][number][] = []
  for (let at = 0; at < files.length; at += uploadsAtOnce) {
    const batch = files.slice(at, at + uploadsAtOnce).map(async ({ number, seconds, text }) => {
      const uri = `${plan.series}seg-${String(number).padStart(5, '0')}.vtt`
      const body = Buffer.from(text)
      await uploader.addBuffer({ body, key: `${folder}${textFolder(position)}/${uri}` })
      onBytesMoved(body.length)
      return { uri, seconds, bytes: body.length }
    })
    segments.push(...(await Promise.all(batch)))
  }
  return { ...candidate, folder: textFolder(position), cues: cues.length, bad, segments }
}

function fromTrack(
  track: SubtitleFacts,
  outDir: string,
  facts: Parameters<typeof textShift>[0],
  failure: string | undefined,
): Candidate {
  const { codec, language, title, isDefault = false, forced = false, forDeaf = false } = track
  return {
    ...{ from: trackName(track), codec, language, title, isDefault, forced, forDeaf },
    async read() {
      if (failure !== undefined) return failure
      const { path, format } = textFile(outDir, track)
      // ffmpeg writes nothing for a track without a line.
      const bytes = await readIfMade(path)
      return parseSubtitles(decodeSubtitles(bytes, language), format, textShift(facts))
    },
  }
}

function fromSidecar(sidecar: Sidecar, storage: Storage, signal: AbortSignal): Candidate {
  const { key, bytes, etag, format, ...name } = sidecar
  return {
    ...{ ...name, from: basename(key), codec: format },
    async read() {
      if (bytes > mostSidecarBytes) return `it has ${bytes} bytes, the limit is ${mostSidecarBytes}`
      if (bytes === 0) return 'it is empty'
      try {
        const body = await storage.getRange(key, { start: 0, end: bytes - 1 }, { etag, signal })
        return parseSubtitles(decodeSubtitles(body, name.language), format)
      } catch (error) {
        const { code, message } = asWorkerError(error)
        if (ownFaults.includes(code)) return message
        throw error
      }
    },
  }
}

/** What is wrong with the file alone; a bucket that is away costs no subtitles, the job waits for it. */
const ownFaults: readonly ErrorCode[] = ['input_missing', 'input_changed', 'storage_refused']
