/**
 * A recording that conforms, once with its own pictures as the top rendition and once with all renditions encoded, by
 * one worker, alternating. Counted is all CPU time of the worker and of its tools. About six minutes on two cores.
 */
import { allCpuSeconds } from './cores.ts'
import { atMost, type BenchInput, type Figures, sum, toldOnly } from './figures.ts'
import { makeRecording } from './sources.ts'
import { alone, startWorkers, timeJob, withFleet } from './timed.ts'

const lengths = { full: 60, small: 6 }
const rounds = ['auto', 'never', 'never', 'auto'] as const

export async function measurePassthrough(input: BenchInput): Promise<Figures> {
  const { env, say, signal, small } = input
  const source = await makeRecording(small ? lengths.small : lengths.full, { env, signal })
  return withFleet(signal, async (fleet) => {
    const cpu: Record<(typeof rounds)[number], number[]> = { auto: [], never: [] }
    const wall: typeof cpu = { auto: [], never: [] }
    const bytes: typeof cpu = { auto: [], never: [] }
    for (const [round, mode] of rounds.entries()) {
      const settings = { ...alone, PASSTHROUGH: mode }
      const [worker] = await startWorkers(fleet, [`${mode}-${round}`], settings)
      const before = allCpuSeconds(worker!.pid)
      const job = await timeJob(fleet, [worker!], { file: source, videoId: round + 1 }, signal)
      cpu[mode].push(allCpuSeconds(worker!.pid) - before)
      wall[mode].push(job.toSettled)
      bytes[mode].push(Number(job.body.bytes))
      const copied = job.lines.some(({ msg }) => msg === 'the pictures of the source are copied')
      if (copied !== (mode === 'auto')) throw new Error(`with PASSTHROUGH=${mode} copied was ${copied}`)
      say(`${mode}: ${cpu[mode].at(-1)!.toFixed(1)} s of CPU, ${wall[mode].at(-1)!.toFixed(1)} s`)
      await fleet.stopWorkers()
    }
    const ratio = (values: typeof cpu) => sum(values.auto) / sum(values.never)
    return {
      passthrough_cpu_to_encoding: atMost(ratio(cpu), 0.7, 'ratio of CPU times, same ladder'),
      passthrough_wall_to_encoding: toldOnly(ratio(wall), 'ratio of wall times'),
      passthrough_bytes_to_encoding: toldOnly(ratio(bytes), 'ratio of all segments’ bytes'),
    }
  })
}
