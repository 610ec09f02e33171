/**
 * A video of several chunks through one worker, from the message's sending to its deletion, against one bare ffmpeg
 * over the whole file at the same settings, alternating: what cutting, checking and uploading cost. On two cores it
 * takes about fifty minutes.
 */
import { join } from 'node:path'
import { runBare } from './bare.ts'
import { allCpuSeconds, cpuSeconds } from './cores.ts'
import { atMost, type BenchInput, type Figures, sum, toldOnly } from './figures.ts'
import { firstSegment } from './first-segment.ts'
import { makeSource } from './sources.ts'
import { alone, startWorkers, timeJob, withFleet } from './timed.ts'
import { wholeCommand } from './whole.ts'

const sizes = {
  full: { seconds: 300, height: 1080, chunkSeconds: 60 },
  small: { seconds: 20, height: 360, chunkSeconds: 6 },
}
/** Of each kind, the second time in the other order: what drifts in the machine cancels out. */
const rounds = ['worker', 'bare', 'bare', 'worker'] as const

export async function measureChunked(
  input: BenchInput,
  { seconds, height, chunkSeconds } = input.small ? sizes.small : sizes.full,
): Promise<Figures> {
  const { env, folder, say, signal, measured } = input
  const source = await makeSource({ seconds, height }, { env, signal })
  const command = await wholeCommand(source, signal)
  return withFleet(signal, async (fleet) => {
    const settings = { ...alone, CHUNK_SECONDS: String(chunkSeconds) }
    const [worker] = await startWorkers(fleet, ['bench'], settings)
    const wall: Record<(typeof rounds)[number], number[]> = { worker: [], bare: [] }
    const cpu = { worker: 0, bare: 0 }
    for (const [round, who] of rounds.entries()) {
      if (who === 'worker') {
        const before = allCpuSeconds(worker!.pid)
        const job = await timeJob(fleet, [worker!], { file: source, videoId: round + 1 }, signal)
        cpu.worker += allCpuSeconds(worker!.pid) - before
        wall.worker.push(job.toSettled)
        measured.firstSegment ??= await firstSegment(fleet, job, signal)
      } else {
        const before = cpuSeconds(process.pid).children
        wall.bare.push(await runBare([command], source, join(folder, 'bare'), signal))
        cpu.bare += cpuSeconds(process.pid).children - before
      }
      say(`${who} ${wall[who].at(-1)!.toFixed(2)} s`)
    }
    return {
      chunked_to_one_bare_ffmpeg: atMost(sum(wall.worker) / sum(wall.bare), 1.05, 'ratio of wall times'),
      chunked_cpu_to_bare: toldOnly(cpu.worker / cpu.bare, 'ratio of CPU times, the worker’s own included'),
    }
  })
}
