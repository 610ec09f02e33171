/** What must be true of a published video, whatever happened on the way. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Fleet } from '../fleet/harness.ts'
import { readTree } from '../fleet/tree.ts'
import { keepOutput } from '../local/summary.ts'
import { root } from '../unit/house/sources.ts'
import { countFrames } from './pictures.ts'
import { tenantId } from './timed.ts'

const checker = join(root, '../shared/tools/hlscheck/hlscheck.py')

export interface Verdict {
  /** A line for each thing that is wrong. */
  readonly problems: string[]
  /** Pictures that the source has more than a rendition, or less: the largest of all renditions. */
  readonly framesOff: number
  /** Checks that the checker made; 0 where it is not beside the checkout. */
  readonly checks: number
}

/** The output of a job that the API called complete, read from the bucket. folder: to keep it in. */
export async function judge(
  fleet: Fleet,
  job: { jobId: string; source: string },
  folder: string,
  signal: AbortSignal,
): Promise<Verdict> {
  const { stack } = fleet
  const ends = stack.api.calls.filter(
    ({ jobId, name, status }) =>
      jobId === job.jobId && (name === 'complete' || name === 'fail') && status === 200,
  )
  if (ends.length !== 1 || ends[0]!.name !== 'complete')
    return { problems: [`the API heard ${ends.map((end) => end.name)}`], framesOff: 0, checks: 0 }
  const { hls_path, renditions } = ends[0]!.body as { hls_path: string; renditions: { name: string }[] }
  const problems: string[] = []

  const tree = await readTree(stack.storage, hls_path, signal)
  problems.push(...tree.missing.map((key) => `${key} is missing`))
  problems.push(...tree.unreferenced.map((key) => `nothing names ${key}`))
  const { waiting, inFlight, dead } = await stack.queueCounts()
  if (waiting + inFlight + dead > 0) problems.push(`${waiting + inFlight + dead} messages are left`)
  const backlog = await stack.backlog(tenantId)
  if (backlog !== 0) problems.push(`the backlog counts ${backlog}`)

  await keepOutput(stack.storage, hls_path, folder, signal)
  const wanted = await countFrames(job.source, signal)
  let framesOff = 0
  for (const { name } of renditions) {
    const frames = await countFrames(join(folder, name, 'index.m3u8'), signal)
    framesOff = Math.max(framesOff, Math.abs(frames - wanted))
  }
  const checks = existsSync(checker) ? await check(folder, job.source, signal) : []
  problems.push(...checks.filter(({ status }) => status === 'FAIL').map(({ id }) => `the checker: ${id}`))
  return { problems, framesOff, checks: checks.length }
}

/** Exit code 1 says that a check failed; which one stands in the report. */
async function check(folder: string, source: string, signal: AbortSignal): Promise<Check[]> {
  const args = [checker, join(folder, 'master.m3u8'), '--source', source, '--json']
  const report = await promisify(execFile)('python3', args, { maxBuffer: 64 << 20, signal }).catch(
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
  )
  signal.throwIfAborted()
  return (JSON.parse(report.stdout) as { checks: Check[] }).checks
}

interface Check {
  readonly id: string
  readonly status: string
}
