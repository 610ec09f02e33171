/** The story of `npm run local`, top to bottom; each thing that is started registers its own undo. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, extname, join, resolve } from 'node:path'
import { aborted } from '../../shared/abort.ts'
import type { Storage } from '../../shared/storage.ts'
import { every, sleep } from '../../shared/time.ts'
import type { Options } from './options.ts'
import { type Page, startPage } from './page.ts'
import { makeSample } from './sample.ts'
import { type Output, openScreen, type Screen } from './screen.ts'
import { type Stack, startStack } from './stack.ts'
import { keepOutput, summarise } from './summary.ts'
import { type Result, resultOf, sendVideo, tenantId, type Video } from './videos.ts'
import { createWatcher, type Watcher } from './watch.ts'
import { startWorker, type Worker } from './workers.ts'

/** How often the progress key is read; the worker writes it at most twice a second. */
const lookMs = 250
/** A settle takes some tens of milliseconds; after 3 s it is not going to end. */
const settleMs = 50
const settleLooks = 60

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
  /** Where the person stood who typed the command: relative files are meant from there. */
  cwd: string
  output: Output
  /** Aborted by Ctrl-C: everything that was started is stopped before runLocal comes back. */
  signal: AbortSignal
}

type Undo = (step: () => unknown) => void

/** Runs it all; resolves with the exit code. Rejects with signal.reason when stopped before the end. */
export async function runLocal(options: Options, surroundings: Surroundings): Promise<number> {
  const { cwd, output, signal } = surroundings
  const steps: (() => unknown)[] = []
  const undo: Undo = (step) => steps.push(step)
  const screen = openScreen(output)
  try {
    const files = await findFiles(options.files, screen, surroundings)
    const run = await startAll(options, surroundings, screen, undo)
    const videos: Video[] = []
    const redraw = () => look(videos, run.watcher, screen)
    const drawing = every(lookMs, redraw, { signal })
    undo(() => drawing.stop())

    const results: Promise<Result>[] = []
    const announced = (result: Result) => announce(result, run.page, screen)
    for (const index of files.keys()) {
      // One after the other: the first is under way while the next is uploaded.
      const video = await sendVideo(run.stack, files, index, surroundings)
      videos.push(video)
      const result = resultOf(video, { ...run, signal }).then(announced)
      // Ctrl-C during the next upload: nobody waits for this one yet.
      result.catch(() => undefined)
      results.push(result)
    }
    const all = await Promise.all(results)
    await settled(run.stack, signal)
    drawing.stop()
    await redraw()
    screen.finish()

    for (const [index, result] of all.entries()) {
      if ('page' in result)
        await tell(videos[index]!, result, {
          storage: run.stack.storage,
          keep: options.keep,
          cwd,
          screen,
          signal,
        })
    }
    const failed = all.filter((result) => 'complaint' in result).length
    if (!options.once && failed < all.length) {
      screen.say(`\n  Watch: ${run.page.url}   (Ctrl-C ends everything)`)
      await aborted(signal)
    }
    return failed === 0 ? 0 : 1
  } finally {
    for (const step of steps.reverse()) await Promise.resolve(step()).catch(() => undefined)
  }
}

interface Run {
  stack: Stack
  page: Page
  watcher: Watcher
  workers: Worker[]
}

/** The stack, the page and the workers, in a folder that goes with them. */
async function startAll(options: Options, around: Surroundings, screen: Screen, undo: Undo): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'video-worker-local-'))
  undo(() => rmSync(folder, { recursive: true, force: true }))
  const stack = await startStack({ dir: join(folder, 'stack') })
  undo(() => stack.close())
  around.signal.throwIfAborted()

  const page = await startPage(stack.storage, { port: options.port })
  undo(() => page.close())
  screen.say(introduction(stack, options, folder))

  const workers = Array.from({ length: options.workers }, (_, index) => {
    const name = `local-${index + 1}`
    const own = { ...workerSettings, WORKER_ID: name, VIDEO_WORKER_TEMP_DIR: join(folder, name) }
    return startWorker({ name, env: { ...around.env, ...stack.env(own) }, folder })
  })
  undo(() => Promise.all(workers.map((worker) => worker.stop())))
  if (options.env !== undefined) {
    const file = resolve(around.cwd, options.env)
    writeEnvironment(file, stack)
    undo(() => rmSync(file, { force: true }))
    screen.say(`  waiting for a worker that is started with ${file}\n`)
  }
  return { stack, page, watcher: createWatcher(stack.redisClient), workers }
}

/** For a worker that is started elsewhere: it knows its own scratch folder, name and port. */
function writeEnvironment(file: string, stack: Stack): void {
  const own = { ...workerSettings, VIDEO_WORKER_TEMP_DIR: undefined, HTTP_PORT: undefined }
  const lines = Object.entries(stack.env(own)).map(([name, value]) => `${name}=${value}`)
  // For its owner alone, as on an instance.
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 })
}

function introduction({ sqs, s3, redis, api }: Stack, { workers }: Options, folder: string): string {
  const port = (address: string) => new URL(address).port
  const ports = `SQS ${port(sqs.endpoint)}, S3 ${s3.port}, Redis ${redis.port}, API ${port(api.baseUrl)}`
  const count = workers === 0 ? 'no worker' : workers === 1 ? 'one worker' : `${workers} workers`
  return `  on 127.0.0.1: ${ports}; ${count}, logs in ${folder}\n`
}

/**
 * The API hears of a video before its message is deleted and its leftovers are removed; the summary comes after
 * both. Without a worker left the message stays, so not for ever.
 */
async function settled(stack: Stack, signal: AbortSignal): Promise<void> {
  for (let look = 0; look < settleLooks; look++) {
    const { waiting, inFlight, delayed } = await stack.queueCounts()
    if (waiting + inFlight + delayed === 0) return
    await sleep(settleMs, { signal })
  }
}

async function look(videos: Video[], watcher: Watcher, screen: Screen): Promise<void> {
  for (const video of videos) {
    if (video.row?.ended !== undefined) continue
    const row = await watcher.look({ ...video, name: video.title, tenantId })
    // It may have ended while Redis answered.
    if (video.row?.ended === undefined) video.row = row
  }
  screen.show(videos.flatMap((video) => (video.row === undefined ? [] : [video.row])))
}

/** As soon as one is done it can be watched, and as soon as one has failed it is said why. */
function announce(result: Result, page: Page, screen: Screen): Result {
  if ('page' in result) page.add(result.page)
  else for (const line of result.complaint) screen.say(`  ${line}`)
  return result
}

interface Telling {
  storage: Storage
  screen: Screen
  keep: string | undefined
  cwd: string
  signal: AbortSignal
}

async function tell(video: Video, result: Extract<Result, { page: unknown }>, to: Telling): Promise<void> {
  const { storage, screen, signal } = to
  const { master } = result.page
  const { title, seconds } = video
  const { wallSeconds } = result
  const sourceBytes = statSync(video.file).size
  const lines = await summarise(storage, { title, master, seconds, sourceBytes, wallSeconds }, signal)
  for (const line of ['', ...lines]) screen.say(line)
  if (to.keep === undefined) return
  const target = resolve(to.cwd, to.keep, basename(title, extname(title)))
  await keepOutput(storage, master, target, signal)
  screen.say(`    kept in ${target}`)
}

async function findFiles(
  files: string[],
  screen: Screen,
  { env, cwd, signal }: Surroundings,
): Promise<string[]> {
  if (files.length === 0) {
    screen.say('  no file given: taking a sample of 20 s')
    return [await makeSample(env, signal)]
  }
  return files.map((file) => {
    const path = resolve(cwd, file)
    if (existsSync(path) && statSync(path).isFile()) return path
    throw new Error(`There is no file ${path}`)
  })
}
