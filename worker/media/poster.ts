import { rename, rm } from 'node:fs/promises'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import { cleanOutputFlags, commonFlags, inputFlags, originSeconds, type ToolSource } from './args-source.ts'
import type { FilmFacts, PictureFacts } from './facts.ts'
import { fieldFilters, pictureFilters } from './filters.ts'
import type { ToolHost } from './host.ts'
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
  /** False when every picture tried was black or flat. */
  readonly lively: boolean
}

/** Parts of the length, in the order they are tried: openings are black, ends are credits. */
const positions = [0.1, 0.25, 0.5, 0.75, 0.35, 0.9, 0.6, 0]
/** Of 255: below this mean a picture is black, below this deviation it shows nothing. */
const darkest = 28
const flattest = 8
/** The picture is judged at this size, where a mean and a deviation say what an eye sees. */
const lookWidth = 64
const lookHeight = 36

/**
 * Writes a JPEG of at most 1280 pixels width, in display shape, that shows something if the video does. Tries
 * positions one after the other and keeps the liveliest; where a seek finds no picture it reads from the start.
 * Throws no_frames when there is none at all, stage_timeout after `timeoutMs`, and what runTool throws.
 */
export async function makePoster(request: PosterRequest): Promise<Poster> {
  const { seconds } = request.facts
  const wanted = positions.map((part) => part * seconds)
  if (request.preferSeconds !== undefined) {
    wanted.unshift(request.preferSeconds < seconds ? request.preferSeconds : seconds / 2)
  }
  const candidate = `${request.path}.try.jpg`
  let best: { at: number; score: number } | undefined
  for (const at of wanted) {
    const look = await tryAt(request, at, candidate)
    if (!look) continue
    const lively = look.mean >= darkest && look.deviation >= flattest
    const score = Math.min(look.mean, darkest) + Math.min(look.deviation, 64)
    if (!best || score > best.score || lively) {
      await rename(candidate, request.path)
      best = { at, score }
    }
    if (lively) return { path: request.path, atSeconds: at, lively }
  }
  await rm(candidate, { force: true })
  if (!best) throw new WorkerError('no_frames', 'no picture could be decoded for the thumbnail')
  return { path: request.path, atSeconds: best.at, lively: false }
}

async function tryAt(request: PosterRequest, at: number, path: string): Promise<Look | undefined> {
  return (await lookAt(request, at, path, true)) ?? (await lookAt(request, at, path, false))
}

interface Look {
  /** Mean and standard deviation of the luma, 0 to 255. */
  readonly mean: number
  readonly deviation: number
}

/** One picture at or after `at`; undefined when the run gave none. `seek` false: decodes from the start. */
async function lookAt(
  request: PosterRequest,
  at: number,
  path: string,
  seek: boolean,
): Promise<Look | undefined> {
  try {
    const { output } = await runTool({
      host: request.host,
      what: 'poster',
      bin: request.bin,
      args: posterArgs(request, at, path, seek),
      signal: request.signal,
      cwd: request.cwd,
      limits: request.limits,
      timeoutMs: request.timeoutMs / positions.length,
      logger: request.logger,
    })
    return output.length < lookWidth * lookHeight
      ? undefined
      : measure(output.subarray(0, lookWidth * lookHeight))
  } catch (error) {
    // One that somebody killed says nothing of the file: the job comes again.
    const { code, details } = asWorkerError(error)
    if (code === 'no_frames' || (code === 'encode_failed' && details.killed !== true)) return undefined
    throw error
  }
}

/** The picture as JPEG in a file, and small and grey on stdout to be judged. */
export function posterArgs(
  request: ToolSource & { facts: FilmFacts },
  at: number,
  path: string,
  seek: boolean,
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

function measure(luma: Buffer): Look {
  let sum = 0
  let squares = 0
  for (const value of luma) {
    sum += value
    squares += value * value
  }
  const mean = sum / luma.length
  return { mean, deviation: Math.sqrt(Math.max(0, squares / luma.length - mean * mean)) }
}

function even(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2)
}
