/**
 * Thousands of videos of a second, one after the other through a few workers: how many a second, and whether a worker
 * is as large at the last hundred as when the first were done. 2,000 through 4 workers take about seventeen minutes on two cores that do nothing else;
 * --jobs N and --workers N change both.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep } from '../../shared/time.ts'
import { type Fleet, type FleetWorker, unhurried } from '../fleet/harness.ts'
import { allCpuSeconds } from './cores.ts'
import { atMost, type BenchInput, type Figures, median, sum, toldOnly } from './figures.ts'
import { startWorkers, tenantId, withFleet } from './timed.ts'

const sizes = { full: { jobs: 2000, workers: 4 }, small: { jobs: 24, workers: 2 } }

/** The second hundred and the last are compared: in the first code is loaded and made fast, and the heap finds its size. */
const hundred = 100
const sampleMs = 500
const sayEvery = 100

/** What a worker held when so many jobs of the fleet were done. */
export interface Sample {
  readonly done: number
  /** MiB of memory that are its own and in use. */
  readonly memory: number
  readonly handles: number
}

export async function measureTiny(input: BenchInput): Promise<Figures> {
  const { say, signal, small, folder } = input
  const size = small ? sizes.small : sizes.full
  const { jobs = size.jobs, workers: count = size.workers } = input
  const file = await makeTiny(join(folder, 'tiny.mp4'), input)
  return withFleet(signal, async (fleet) => {
    const names = Array.from({ length: count }, (_, index) => `tiny-${index + 1}`)
    const workers = await startWorkers(fleet, names, { ...unhurried, LOG_LEVEL: 'info' })
    const samples = workers.map((): Sample[] => [])
    const cpuBefore = sum(workers.map(({ pid }) => allCpuSeconds(pid)))
    const startedMs = performance.now()
    await sendAll(fleet, file, jobs)
    for (let done = 0, said = 0; done < jobs; ) {
      await sleep(sampleMs, { signal })
      done = fleet.stack.api.calls.filter(({ name, status }) => name === 'complete' && status === 200).length
      workers.forEach((worker, index) => {
        samples[index]!.push({ done, ...held(worker.pid) })
      })
      if (done - said < sayEvery && done < jobs) continue
      said = done
      const each = samples.map((of) => `${of.at(-1)!.memory.toFixed(0)} MiB ${of.at(-1)!.handles} handles`)
      say(
        `${done} of ${jobs} in ${((performance.now() - startedMs) / 1000).toFixed(0)} s: ${each.join(', ')}`,
      )
    }
    const seconds = (performance.now() - startedMs) / 1000
    await expectPromises(fleet, jobs)
    const cpu = sum(workers.map(({ pid }) => allCpuSeconds(pid))) - cpuBefore
    await expectTidy(fleet, workers)
    return figuresOf(samples, { jobs, seconds, cpu })
  })
}

/** samples: of each worker, in order of time. */
export function figuresOf(
  samples: readonly (readonly Sample[])[],
  { jobs, seconds, cpu }: { jobs: number; seconds: number; cpu: number },
): Figures {
  const part = Math.min(hundred, jobs / 4)
  const compared = samples.map((of) => {
    const first = of.filter(({ done }) => done >= part && done <= 2 * part)
    const last = of.filter(({ done }) => done >= jobs - part)
    const middle = (some: readonly Sample[], what: 'memory' | 'handles') =>
      median(some.map((sample) => sample[what]))
    return {
      memory: [middle(first, 'memory'), middle(last, 'memory')] as const,
      handles: [middle(first, 'handles'), middle(last, 'handles')] as const,
    }
  })
  const worst = (what: 'memory' | 'handles', by: (first: number, last: number) => number) =>
    Math.max(...compared.map((worker) => by(...worker[what])))
  return {
    tiny_jobs: toldOnly(jobs, `videos of a second, through ${samples.length} workers`),
    tiny_jobs_per_second: toldOnly(jobs / seconds, 'jobs a second'),
    tiny_cpu: toldOnly(cpu / jobs, 'CPU seconds a job, of the worker and its tools'),
    tiny_memory_first: toldOnly(
      worst('memory', (first) => first),
      'MiB, median of the second hundred, largest worker',
    ),
    tiny_memory_last: toldOnly(
      worst('memory', (_, last) => last),
      'MiB, median of the last hundred, largest worker',
    ),
    tiny_memory_growth: atMost(
      worst('memory', (first, last) => last / first),
      1.1,
      'last to first, worst worker',
    ),
    tiny_handles_growth: atMost(
      worst('handles', (first, last) => last - first),
      4,
      'open files and sockets more, worst worker',
    ),
  }
}

/** What is the worker's alone: pages of files that it maps are the system's to keep. */
export function held(pid: number): Omit<Sample, 'done'> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1])
  return { memory: kib / 1024, handles: readdirSync(`/proc/${pid}/fd`).length }
}

async function sendAll(fleet: Fleet, file: string, jobs: number): Promise<void> {
  const fileKey = await fleet.stack.upload(file, { tenantId })
  for (let videoId = 1; videoId <= jobs; videoId++) await fleet.stack.sendJob({ tenantId, videoId, fileKey })
}

/** A figure of jobs that were not done well would mean nothing. */
async function expectPromises(fleet: Fleet, jobs: number): Promise<void> {
  const { api, redisClient } = fleet.stack
  await fleet.until('the queue is empty', async () => {
    const { waiting, inFlight, delayed } = await fleet.stack.queueCounts()
    return waiting + inFlight + delayed === 0
  })
  const ends = api.calls.filter(
    ({ name, status }) => status === 200 && (name === 'complete' || name === 'fail'),
  )
  const once = new Set(ends.map(({ jobId }) => jobId)).size
  const { dead } = await fleet.stack.queueCounts()
  const backlog = await fleet.stack.backlog(tenantId)
  const failed = ends.filter(({ name }) => name === 'fail').length
  const running = (await redisClient.keys('tenant:*:heartbeat')).length
  if (once !== jobs || ends.length !== jobs || failed + dead + backlog + running !== 0) {
    const found = JSON.stringify({ once, calls: ends.length, failed, dead, backlog, running })
    throw new Error(`${jobs} jobs did not end as they should: ${found}`)
  }
}

async function expectTidy(fleet: Fleet, workers: readonly FleetWorker[]): Promise<void> {
  await fleet.stopWorkers()
  const ended = await Promise.all(workers.map((worker) => worker.ended))
  const left = await readdir(join(fleet.dir, 'scratch'))
  if (left.length > 0 || ended.some((how) => how !== 'exit code 0'))
    throw new Error(`workers left ${left.join(', ') || 'nothing'} and ended with ${ended.join(', ')}`)
}

/** A second of moving picture with sound, as small as a phone's thumbnail. */
async function makeTiny(path: string, { env, signal }: Pick<BenchInput, 'env' | 'signal'>): Promise<string> {
  const input = [
    ...['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25:duration=1'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=48000:duration=1'],
  ]
  const output = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-movflags', '+faststart', path]
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', ...input, ...output], {
    ...{ env, signal, stdio: ['ignore', 'ignore', 'inherit'] },
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`)
  return path
}
