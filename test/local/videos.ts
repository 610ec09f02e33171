/** The videos of a local run, from the file to the API's word on it. */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { withSignal } from '../../shared/abort.ts'
import { type ErrorCode, errorCodes } from '../../shared/errors.ts'
import { sidecarPrefix, sidecarsOf } from '../../shared/sidecars.ts'
import { monotonicMs } from '../../shared/time.ts'
import { titlesOf } from './options.ts'
import type { PageVideo } from './page.ts'
import { videoSeconds } from './sample.ts'
import type { Row } from './screen.ts'
import type { Outcome, Stack } from './stack.ts'
import { logTail, type Worker } from './workers.ts'

/** All videos of a local run belong to one academy. */
export const tenantId = 1

export interface Video {
  title: string
  file: string
  videoId: number
  /** Length; undefined when ffprobe cannot tell. */
  seconds: number | undefined
  jobId: string
  /** monotonicMs() when its message was sent. */
  sentMs: number
  /** As last shown. */
  row: Row | undefined
}

/** What came of a video: what the page needs to play it, or the lines that say why not. */
export type Result = { page: PageVideo; wallSeconds: number } | { complaint: string[] }

/** Uploads a file and sends its job, as the product does after an upload. */
export async function sendVideo(
  stack: Stack,
  files: string[],
  index: number,
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<Video> {
  const file = files[index]!
  const videoId = index + 1
  const seconds = await videoSeconds(file, env, signal)
  const fileKey = await withSignal(stack.upload(file, { tenantId, videoId, name: basename(file) }), signal)
  await uploadSidecars(stack, file, fileKey, signal)
  const jobId = await withSignal(stack.sendJob({ tenantId, videoId, fileKey }), signal)
  const sentMs = monotonicMs()
  return { title: titlesOf(files)[index]!, file, videoId, seconds, jobId, sentMs, row: undefined }
}

/** Subtitles beside the file go beside its object: `lecture.en.srt` with `lecture.mp4`. */
async function uploadSidecars(
  { storage }: Stack,
  file: string,
  fileKey: string,
  signal: AbortSignal,
): Promise<void> {
  const name = basename(file)
  for (const sidecar of sidecarsOf(name, readdirSync(dirname(file)))) {
    const key = sidecarPrefix(fileKey) + sidecar.slice(sidecarPrefix(name).length)
    await storage.putFile(key, join(dirname(file), sidecar), { contentType: 'text/plain', signal })
  }
}

/** Waits for the API to hear of the video, or for the last worker to end without a word. */
export async function resultOf(
  video: Video,
  { stack, workers, signal }: { stack: Stack; workers: Worker[]; signal: AbortSignal },
): Promise<Result> {
  // Without workers of ours somebody else's is waited for.
  const ended = workers.map((worker) => worker.ended)
  const nobody = ended.length > 0 ? Promise.all(ended) : new Promise<never>(() => {})
  const outcome = await Promise.race([stack.waitFor(video.jobId, { signal }), nobody])
  signal.throwIfAborted()
  if (Array.isArray(outcome)) {
    end(video, 'failed', 'No worker left')
    const how = `${video.title}: every worker ended (${outcome.join(', ')}). The last lines of a log:`
    return { complaint: [how, ...logTail(workers[0]!).map((line) => `  ${line}`)] }
  }
  if (outcome.kind === 'complete') {
    end(video, 'done', 'Done')
    return { page: pageVideo(video.title, outcome), wallSeconds: (monotonicMs() - video.sentMs) / 1000 }
  }
  const { reason, code } = outcome.body as { reason?: string; code?: ErrorCode }
  end(video, 'failed', `Failed: ${code ?? 'no code'}`)
  // The input's fault is told by its reason; for ours somebody will want to see more.
  const rejected = code !== undefined && errorCodes[code]?.kind === 'rejected'
  const log = rejected ? [] : workers.flatMap((worker) => logTail(worker)).map((line) => `  ${line}`)
  return { complaint: [`${video.title}: ${reason ?? 'failed without a reason'}`, ...log] }
}

function pageVideo(title: string, { body }: Outcome): PageVideo {
  const { hls_path, thumbnail_path, storyboard_path } = body as Record<string, string>
  return {
    title,
    master: hls_path!,
    ...(thumbnail_path ? { poster: thumbnail_path } : {}),
    ...(storyboard_path ? { storyboard: storyboard_path } : {}),
  }
}

function end(video: Video, ended: 'done' | 'failed', stage: string): void {
  const percent = ended === 'done' ? 100 : (video.row?.percent ?? 0)
  video.row = { name: video.title, stage, percent, ended, speed: undefined, secondsLeft: undefined }
}
