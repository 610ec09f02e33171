/**
 * Two workers, each held to a core of its own, against one worker on one core: the same ten minutes of video, from
 * the message's sending to the callback. Whatever else runs (bucket, queue, Redis) is held to the same cores, so it
 * is paid for on both sides in the same way; how much that is, is told. About thirty minutes.
 */
import { join } from 'node:path'
import { runBare } from './bare.ts'
import { allCpuSeconds, coresHere, holdTo } from './cores.ts'
import { atLeast, type BenchInput, type Figures, median, toldOnly } from './figures.ts'
import type { StageTimes } from './simulate.ts'
import { makeSource } from './sources.ts'
import { stageTimes } from './stages.ts'
import { alone, startWorkers, timeJob, withFleet } from './timed.ts'
import { wholeCommand } from './whole.ts'

/** Chunks for both in equal number: with five of two minutes, two workers could not be better than 5 : 3. */
const sizes = {
  full: { seconds: 600, height: 720, chunkSeconds: 60, bareSeconds: 10 },
  small: { seconds: 60, height: 240, chunkSeconds: 6, bareSeconds: 4 },
}

export async function measureFanOut(
  input: BenchInput,
  size = input.small ? sizes.small : sizes.full,
): Promise<Figures> {
  const { env, say, signal, measured } = input
  const [left, right] = coresHere() ?? []
  if (left === undefined || right === undefined) {
    say('left out: it needs two cores and taskset (util-linux)')
    return {}
  }
  const file = await makeSource(size, { env, signal })
  const limit = await machineLimit(size, [left, right], input)
  const one = await sharedRun({ ...size, file }, [left], signal)
  say(`one worker ${one.seconds.toFixed(1)} s, its stages ${JSON.stringify(one.stages)}`)
  const two = await sharedRun({ ...size, file }, [left, right], signal)
  say(`two workers ${two.seconds.toFixed(1)} s, their stages ${JSON.stringify(two.stages)}`)
  measured.shared = { one, two }
  const faster = one.seconds / two.seconds
  return {
    fan_out_two_workers: atLeast(faster, 1.85, 'times as fast as one'),
    fan_out_machine_limit: toldOnly(limit, 'times as fast: two bare ffmpegs on two cores against one'),
    fan_out_to_machine_limit: toldOnly(faster / limit, 'ratio of the two'),
    fan_out_stack_cpu: toldOnly(two.stackShare, 'part of all CPU time: bucket, queue, API and Redis'),
  }
}

export interface SharedRun {
  readonly workers: number
  readonly chunkSeconds: number
  /** Of the video. */
  readonly ofSeconds: number
  /** From the message's sending to the callback. */
  readonly seconds: number
  readonly stages: StageTimes
  /** CPU time of bucket, queue, API and Redis, as a part of theirs and the workers'. */
  readonly stackShare: number
}

/** One shared video; a worker for each core. */
export async function sharedRun(
  video: { file: string; seconds: number; chunkSeconds: number },
  cores: readonly number[],
  signal: AbortSignal,
  settings: Record<string, string> = {},
): Promise<SharedRun> {
  const { file, seconds, chunkSeconds } = video
  const before = coresHere() ?? cores
  return withFleet(signal, async (fleet) => {
    const own = { ...alone, FANOUT: 'always', CHUNK_SECONDS: String(chunkSeconds), ...settings }
    const names = cores.map((core) => `core-${core}`)
    const workers = await startWorkers(fleet, names, own)
    const stack = [process.pid, fleet.stack.redis.pid]
    try {
      workers.forEach((worker, index) => {
        holdTo([cores[index]!], worker.pid)
      })
      for (const pid of stack) holdTo(cores, pid)
      const cpu = (pids: readonly number[]) => pids.reduce((total, pid) => total + allCpuSeconds(pid), 0)
      const pids = workers.map((worker) => worker.pid)
      const [stackBefore, workersBefore] = [cpu(stack), cpu(pids)]
      const job = await timeJob(fleet, workers, { file, videoId: 1 }, signal)
      const [byStack, byWorkers] = [cpu(stack) - stackBefore, cpu(pids) - workersBefore]
      return {
        ...{ workers: workers.length, chunkSeconds, ofSeconds: seconds, seconds: job.toCallback },
        stages: stageTimes(job, seconds),
        stackShare: byStack / (byStack + byWorkers),
      }
    } finally {
      holdTo(before, process.pid)
    }
  })
}

/** What two cores of this machine are worth: they may be halves of one, or share their memory's speed. */
async function machineLimit(
  { height, bareSeconds }: { height: number; bareSeconds: number },
  cores: readonly number[],
  { env, folder, signal }: BenchInput,
): Promise<number> {
  const file = await makeSource({ seconds: bareSeconds, height }, { env, signal })
  const command = await wholeCommand(file, signal)
  const run = (core: number) =>
    runBare([`taskset -c ${core} ${command}`], file, join(folder, `bare-${core}`), signal)
  const single: number[] = []
  const together: number[] = []
  for (let round = 0; round < 3; round++) {
    for (const core of cores) single.push(await run(core))
    together.push(...(await Promise.all(cores.map(run))))
  }
  return (cores.length * median(single)) / median(together)
}
