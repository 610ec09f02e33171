/**
 * The worker's whole job, from the message's sending to its deletion, against the bare ffmpeg commands that it
 * ran, on the same file and alternating, so that a busy machine slows both alike.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { monotonicMs, sleep } from '../../shared/time.ts'
import { type Stack, startStack } from '../local/stack.ts'
import { startWorker, type Worker } from '../local/workers.ts'
import { runBare } from './bare.ts'
import { atMost, type BenchInput, type Figures, sum } from './figures.ts'
import { makeMinute } from './sources.ts'

/** Of each kind. On two cores a round takes about five minutes. */
const rounds = 2
const lookMs = 5

export async function measureJob({ env, folder, say, signal }: BenchInput): Promise<Figures> {
  const source = await makeMinute(env, signal)
  const stack = await startStack({ dir: join(folder, 'stack') })
  const own = stack.env({ LOG_LEVEL: 'debug', VIDEO_WORKER_TEMP_DIR: join(folder, 'scratch') })
  const worker = startWorker({ name: 'bench', env: { ...env, ...own }, folder })
  try {
    await logLine(worker, ({ msg }) => msg === 'worker is up', signal)
    const jobs: JobTimes[] = []
    const bare: number[] = []
    for (let round = 0; round < rounds; round++) {
      const job = await timeJob(stack, worker, source, round + 1, signal)
      const bareSeconds = await runBare(job.commands, source, join(folder, 'bare'), signal)
      say(
        `worker ${job.seconds.toFixed(2)} s (tail ${job.tailSeconds.toFixed(2)} s), bare ${bareSeconds.toFixed(2)} s`,
      )
      jobs.push(job)
      bare.push(bareSeconds)
    }
    const ratio = sum(jobs.map((job) => job.seconds)) / sum(bare)
    const tail = Math.max(...jobs.map((job) => job.tailSeconds))
    return {
      job_to_bare_ffmpeg: atMost(ratio, 1.05, 'ratio of wall times'),
      job_tail: atMost(tail, 0.5, 's after the last ffmpeg'),
      worker_peak_memory: atMost(peakMegabytes(worker), 150, 'MB resident'),
    }
  } finally {
    await worker.stop()
    await stack.close()
  }
}

interface JobTimes {
  seconds: number
  /** From the end of the last encoder to the message's deletion. */
  tailSeconds: number
  /** The command lines of its encoders, as logged. */
  commands: string[]
}

async function timeJob(
  stack: Stack,
  worker: Worker,
  source: string,
  videoId: number,
  signal: AbortSignal,
): Promise<JobTimes> {
  const fileKey = await stack.upload(source, { tenantId: 1, videoId })
  const before = logLines(worker).length
  const startedMs = Date.now()
  await stack.sendJob({ tenantId: 1, videoId, fileKey })
  const settled = await logLine(
    worker,
    ({ msg, video }) => msg === 'job settled' && video === videoId,
    signal,
  )
  if (settled.outcome !== 'done') throw new Error(`the job ended as ${settled.outcome}`)
  const lines = logLines(worker).slice(before)
  const encoders = lines.filter(({ what }) => what === 'video' || what === 'audio')
  const ends = encoders.filter(({ msg }) => msg === 'tool ended').map(({ time }) => Date.parse(time))
  const settledMs = Date.parse(settled.time)
  return {
    seconds: (settledMs - startedMs) / 1000,
    tailSeconds: (settledMs - Math.max(...ends)) / 1000,
    commands: encoders.flatMap(({ command }) => (command === undefined ? [] : [command])),
  }
}

interface LogLine {
  /** ISO 8601. */
  time: string
  msg: string
  what?: string
  command?: string
  video?: number
  outcome?: string
}

function logLines(worker: Worker): LogLine[] {
  if (!existsSync(worker.logFile)) return []
  const lines = readFileSync(worker.logFile, 'utf8').split('\n').slice(0, -1)
  return lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
}

async function logLine(
  worker: Worker,
  wanted: (line: LogLine) => boolean,
  signal: AbortSignal,
): Promise<LogLine> {
  let gone: string | undefined
  void worker.ended.then((how) => {
    gone = how
  })
  const startedMs = monotonicMs()
  for (;;) {
    const found = logLines(worker).findLast(wanted)
    if (found !== undefined) return found
    if (gone !== undefined)
      throw new Error(`the worker ended: ${gone}\n${readFileSync(worker.logFile, 'utf8')}`)
    // Looking costs a read of the whole log: seldom while it encodes, often when it may be done.
    await sleep(monotonicMs() - startedMs < 1000 ? lookMs : 20 * lookMs, { signal })
  }
}

/** The most that the process ever had in memory, by the kernel's own count. */
function peakMegabytes(worker: Worker): number {
  const status = readFileSync(`/proc/${worker.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1000
}
