import { rename, rm } from 'node:fs/promises'
import { WorkerError } from '../../shared/errors.ts'
import { cleanOutputFlags, commonFlags, inputFlags, originSeconds, type ToolSource } from './args-source.ts'
import type { FilmFacts, PictureFacts } from './facts.ts'
import { fieldFilters, pictureFilters } from './filters.ts'
import type { ToolHost } from './host.ts'
import {
  isLively,
  type Look,
  lightFilters,
  lookBytes,
  lookHeight,
  lookWidth,
  measureLook,
  scoreOf,
} from './poster-look.ts'
import { liveliestAt, searchArgs, searchRate } from './poster-search.ts'
import { type DebugLogger, runTool, type ToolLimits } from './run.ts'

export interface PosterRequest extends ToolSource {
  readonly facts: FilmFacts
  readonly bin: string
  readonly host: ToolHost
  readonly limits: ToolLimits
  readonly signal: AbortSignal
  readonly cwd: string
  /** Where the JPEG goes. */
  readonly path: string
  /** Try this position first (the catalogue wants 5 s); else positions spread over the video. */
  readonly preferSeconds?: number
  /** For all tries together. */
  readonly timeoutMs: number
  readonly logger?: DebugLogger | undefined
}

export interface Poster {
  readonly path: string
  readonly atSeconds: number
  /** False when the whole video is black or flat: the poster was lit up. */
  readonly lively: boolean
}

/** Parts of the length, in the order they are tried: openings are black, ends are credits. */
const positions = [0.1, 0.25, 0.5, 0.75, 0.35, 0.9, 0.6, 0]
/** The time for all tries is shared out among so many runs. */
const runs = positions.length + 4

/**
 * Writes a JPEG of at most 1280 pixels width, in display shape, that shows something if the video does. Tries
 * positions one after the other; where a seek finds no picture it reads from the start. When none is lively it looks
 * through the whole video, and lights up the best there is. Throws no_frames when there is none at all, stage_timeout
 * after `timeoutMs`, and what runTool throws.
 */
export async function makePoster(request: PosterRequest): Promise<Poster> {
  const { seconds } = request.facts
  const wanted = positions.map((part) => part * seconds)
  if (request.preferSeconds !== undefined) {
    wanted.unshift(request.preferSeconds < seconds ? request.preferSeconds : seconds / 2)
  }
  const candidate = `${request.path}.try.jpg`
  let best: { at: number; look: Look } | undefined
  let killed: WorkerError | undefined
  /** Whether the picture there is lively; it is kept when it is, or is the best so far. */
  const keep = async (at: number) => {
    const look = await tryAt(request, at, candidate)
    if (look instanceof WorkerError) killed = look
    if (!look || look instanceof WorkerError) return false
    const lively = isLively(look)
    if (!best || lively || scoreOf(look) > scoreOf(best.look)) {
      await rename(candidate, request.path)
      best = { at, look }
    }
    return lively
  }
  for (const at of wanted) if (await keep(at)) return { path: request.path, atSeconds: at, lively: true }
  const found = best && (await search(request))
  if (found !== undefined && (await keep(found)))
    return { path: request.path, atSeconds: found, lively: true }
  // One that somebody killed says nothing of the file: the job comes again.
  if (!best) throw killed ?? new WorkerError('no_frames', 'no picture could be decoded for the thumbnail')
  const lit = await tryAt(request, best.at, candidate, lightFilters(best.look))
  if (lit && !(lit instanceof WorkerError)) await rename(candidate, request.path)
  await rm(candidate, { force: true })
  return { path: request.path, atSeconds: best.at, lively: false }
}

/** Where the whole video shows most. Undefined when that cannot be told, or not in time: there is a picture already. */
async function search(request: PosterRequest): Promise<number | undefined> {
  try {
    const { output } = await runPoster(request, searchArgs(request))
    return liveliestAt(output, searchRate(request.facts))
  } catch (error) {
    request.signal.throwIfAborted()
    if (error instanceof WorkerError && error.code !== 'internal') return undefined
    throw error
  }
}

function runPoster(request: PosterRequest, args: string[]) {
  const { host, bin, signal, cwd, limits, logger } = request
  const timeoutMs = request.timeoutMs / runs
  return runTool({ what: 'poster', host, bin, args, signal, cwd, limits, timeoutMs, logger })
}

async function tryAt(
  request: PosterRequest,
  at: number,
  path: string,
  light: readonly string[] = [],
): Promise<Look | WorkerError | undefined> {
  const look = await lookAt(request, posterArgs(request, at, path, true, light))
  return look ?? (await lookAt(request, posterArgs(request, at, path, false, light)))
}

/** Undefined when the run gave no picture, its error when it was killed. */
async function lookAt(request: PosterRequest, args: string[]): Promise<Look | WorkerError | undefined> {
  try {
    const { output } = await runPoster(request, args)
    return output.length < lookBytes ? undefined : measureLook(output.subarray(0, lookBytes))
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    if (error.code === 'no_frames') return undefined
    if (error.code !== 'encode_failed') throw error
    return error.details.killed === true ? error : undefined
  }
}

/**
 * One picture at or after `at` as JPEG in a file, and small and grey on stdout to be judged. seek false: decodes from the
 * start; light: filters for the finished picture.
 */
export function posterArgs(
  request: ToolSource & { facts: FilmFacts },
  at: number,
  path: string,
  seek: boolean,
  light: readonly string[] = [],
): string[] {
  const { facts } = request
  const { video } = facts
  const { width, height } = posterSize(video)
  const graph = [
    `[0:${video.index}]setpts=PTS-${originSeconds(facts)}/TB`,
    // Half a frame early, so that rounding never skips the wanted picture.
    `trim=start=${Math.max(0, at - 0.02).toFixed(3)}`,
    'trim=end_frame=1',
    ...fieldFilters(video),
    ...pictureFilters(video, width, height),
    ...light,
  ].join(',')
  return [
    ...commonFlags({ progress: false }),
    ...inputFlags(request, seek ? at : undefined),
    '-filter_complex',
    `${graph},split=2[a][b];[a]scale=in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc,format=yuvj420p[poster];` +
      `[b]scale=${lookWidth}:${lookHeight}:flags=area,format=gray[look]`,
    '-map',
    '[poster]',
    ...cleanOutputFlags,
    ...['-frames:v', '1', '-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2', '-update', '1', path],
    '-map',
    '[look]',
    ...['-frames:v', '1', '-f', 'rawvideo', 'pipe:1'],
  ]
}

/** The size that the poster of a video gets. */
export function posterSize(video: Pick<PictureFacts, 'displayWidth' | 'displayHeight'>) {
  const scale = scaleFor(video.displayWidth, video.displayHeight)
  return { width: even(video.displayWidth * scale), height: even(video.displayHeight * scale) }
}

/** At most 1280 wide; a tiny video's poster is enlarged to 320 on its long side, since pages show it far larger. */
function scaleFor(width: number, height: number): number {
  const long = Math.max(width, height)
  return long < 160 ? 320 / long : Math.min(1, 1280 / width)
}

function even(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2)
}
