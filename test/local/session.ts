/** The story of `npm run local`, top to bottom; each thing that is started registers its own undo. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, extname, join, resolve } from 'node:path'
import { aborted, withSignal } from '../../shared/abort.ts'
import { loadConfig } from '../../shared/config.ts'
import { type ErrorCode, errorCodes } from '../../shared/errors.ts'
import { openStorage, type Storage } from '../../shared/storage.ts'
import { every, monotonicMs } from '../../shared/time.ts'
import { type Options, titlesOf } from './options.ts'
import { type PageVideo, startPage } from './page.ts'
import { makeSample, videoSeconds } from './sample.ts'
import { type Output, openScreen, type Row, type Screen } from './screen.ts'
import { type Outcome, type Stack, startStack } from './stack.ts'
import { keepOutput, summarise } from './summary.ts'
import { openWatcher, type Watcher } from './watch.ts'
import { logTail, startWorker, type Worker } from './workers.ts'

/** How often the progress key is read; the worker writes it at most twice a second. */
const lookMs = 250
const tenantId = 1

/** What differs from production: nobody waits for a retry here, and nothing is worth a long goodbye. */
const workerSettings = {
  JOB_BACKOFF_BASE_SECONDS: '1',
  JOB_BACKOFF_CAP_SECONDS: '5',
  DRAIN_SECONDS: '3',
  SCRATCH_MIN_FREE_MB: '512',
  HTTP_PORT: '0',
}

export interface Surroundings {
  env: NodeJS.ProcessEnv
  output: Output
  /** Aborted by Ctrl-C: everything that was started is stopped before runLocal comes back. */
  signal: AbortSignal
}

interface Video {
  title: string
  file: string
  videoId: number
  seconds: number | undefined
  jobId: string
  sentMs: number
  row: Row | undefined
}

/** Runs it all; resolves with the exit code. Rejects with signal.reason when stopped before the end. */
export async function runLocal(options: Options, { env, output, signal }: Surroundings): Promise<number> {
  const undo: (() => unknown)[] = []
  const screen = openScreen(output)
  try {
    const files = options.files.length > 0 ? options.files.map(existing) : [await sample(screen, env, signal)]
    const folder = mkdtempSync(join(tmpdir(), 'video-worker-local-'))
    undo.push(() => rmSync(folder, { recursive: true, force: true }))
    const stack = await startStack({ dir: join(folder, 'stack') })
    undo.push(() => stack.close())
    signal.throwIfAborted()

    const config = loadConfig(stack.env())
    const storage = openStorage(config.r2)
    undo.push(() => storage.close())
    const page = await startPage(storage, { port: options.port })
    undo.push(() => page.close())
    const watcher = openWatcher(config.redis)
    undo.push(() => watcher.close())
    screen.say(
      `queue ${config.queue.name}, bucket ${config.r2.bucket}, redis and the API on loopback; ${folder}`,
    )

    const workers = Array.from({ length: options.workers }, (_, index) => {
      const name = `local-${index + 1}`
      const own = { ...workerSettings, WORKER_ID: name, VIDEO_WORKER_TEMP_DIR: join(folder, name) }
      return startWorker({ name, env: { ...env, ...stack.env(own) }, folder })
    })
    undo.push(() => Promise.all(workers.map((worker) => worker.stop())))

    const videos = await sendAll(stack, files, env, signal)
    const run = { stack, storage, screen, workers, signal }
    const looking = every(lookMs, () => look(videos, watcher, screen), { signal })
    undo.push(() => looking.stop())
    const done = await Promise.all(
      videos.map(async (video) => {
        const outcome = await outcomeOf(video, run)
        if (outcome !== undefined) page.add(outcome)
        return outcome === undefined
          ? []
          : [{ video, outcome, wallSeconds: (monotonicMs() - video.sentMs) / 1000 }]
      }),
    )
    looking.stop()
    await look(videos, watcher, screen)
    screen.finish()

    for (const { video, outcome, wallSeconds } of done.flat()) {
      const sourceBytes = statSync(video.file).size
      const { title, seconds } = video
      const lines = await summarise(
        storage,
        { title, master: outcome.master, seconds, sourceBytes, wallSeconds },
        signal,
      )
      for (const line of ['', ...lines]) screen.say(line)
      if (options.keep === undefined) continue
      const target = resolve(options.keep, basename(title, extname(title)))
      await keepOutput(storage, outcome.master, target, signal)
      screen.say(`    kept in ${target}`)
    }

    const failed = done.length - done.flat().length
    if (!options.once && failed < done.length) {
      screen.say(`\n  Watch: ${page.url}   (Ctrl-C ends everything)`)
      await aborted(signal)
    }
    return failed === 0 ? 0 : 1
  } finally {
    for (const step of undo.reverse()) await Promise.resolve(step()).catch(() => undefined)
  }
}

interface Run {
  stack: Stack
  storage: Storage
  screen: Screen
  workers: Worker[]
  signal: AbortSignal
}

/** What the page needs to play a video that is done, or undefined when it failed (and that was said). */
async function outcomeOf(video: Video, run: Run): Promise<PageVideo | undefined> {
  const { stack, screen, workers, signal } = run
  const nobody = Promise.all(workers.map((worker) => worker.ended))
  const outcome = await Promise.race([stack.waitFor(video.jobId, { signal }), nobody])
  signal.throwIfAborted()
  if (Array.isArray(outcome)) {
    end(video, 'failed', 'No worker left')
    screen.say(`  ${video.title}: every worker ended (${outcome.join(', ')}). The last lines of its log:`)
    for (const line of logTail(workers[0]!)) screen.say(`    ${line}`)
    return undefined
  }
  const page = pageVideo(video.title, outcome)
  if (page !== undefined) {
    end(video, 'done', 'Done')
    return page
  }
  const { reason, code } = outcome.body as { reason?: string; code?: ErrorCode }
  end(video, 'failed', `Failed: ${code ?? 'no code'}`)
  screen.say(`  ${video.title}: ${reason ?? 'failed without a reason'}`)
  // The input's fault is told by its reason; for ours somebody will want to see more.
  const rejected = code !== undefined && errorCodes[code]?.kind === 'rejected'
  if (!rejected) for (const line of workers.flatMap((worker) => logTail(worker))) screen.say(`    ${line}`)
  return undefined
}

function pageVideo(title: string, { kind, body }: Outcome): PageVideo | undefined {
  if (kind !== 'complete') return undefined
  const {
    hls_path: master,
    thumbnail_path: poster,
    storyboard_path: storyboard,
  } = body as Record<string, string>
  return { title, master: master!, ...(poster ? { poster } : {}), ...(storyboard ? { storyboard } : {}) }
}

function end(video: Video, ended: 'done' | 'failed', stage: string): void {
  const percent = ended === 'done' ? 100 : (video.row?.percent ?? 0)
  video.row = { name: video.title, stage, percent, ended, speed: undefined, secondsLeft: undefined }
}

async function look(videos: Video[], watcher: Watcher, screen: Screen): Promise<void> {
  for (const video of videos) {
    if (video.row?.ended !== undefined) continue
    const row = await watcher.look({ ...video, name: video.title, tenantId })
    if (video.row?.ended === undefined) video.row = row
  }
  screen.show(videos.flatMap((video) => (video.row === undefined ? [] : [video.row])))
}

/** Uploads and sends one after the other, as the product does: the first is under way while the next uploads. */
async function sendAll(
  stack: Stack,
  files: string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Video[]> {
  const videos: Video[] = []
  const titles = titlesOf(files)
  for (const [index, file] of files.entries()) {
    const videoId = index + 1
    const seconds = await videoSeconds(file, env, signal)
    const fileKey = await withSignal(stack.upload(file, { tenantId, videoId, name: basename(file) }), signal)
    const jobId = await withSignal(stack.sendJob({ tenantId, videoId, fileKey }), signal)
    videos.push({
      title: titles[index]!,
      file,
      videoId,
      seconds,
      jobId,
      sentMs: monotonicMs(),
      row: undefined,
    })
  }
  return videos
}

async function sample(screen: Screen, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  screen.say('no file given: using a sample of 20 s')
  return await makeSample(env, signal)
}

function existing(file: string): string {
  if (existsSync(file) && statSync(file).isFile()) return file
  throw new Error(`There is no file ${file}`)
}
