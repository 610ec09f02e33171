/** What a run came to, as everybody concerned has it: the API, the queues, the bucket, Redis, the machine, the logs. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { everyBacklog, jobRoot, statusKey } from '../../shared/keys.ts'
import { openUploadList } from '../../shared/storage-uploads.ts'
import type { Tool } from '../faults/processes.ts'
import { toolsOf } from '../faults/processes.ts'
import type { Fleet } from '../fleet/harness.ts'
import { readTree } from '../fleet/tree.ts'
import { names } from '../local/stack-env.ts'
import type { End, Gap, JobFacts, RunFacts } from './ledger.ts'
import type { People, PeopleJob } from './people.ts'

export interface Course {
  readonly fleet: Fleet
  readonly people: People
  readonly startedMs: number
  readonly gaps: readonly Gap[]
  /** Names that workers had. */
  readonly workers: readonly string[]
  readonly exits: readonly string[]
  readonly unsettled: readonly string[]
}

export async function gatherFacts(course: Course): Promise<RunFacts> {
  const { fleet, people, workers, gaps, exits, unsettled } = course
  const { stack, dir, signal } = fleet
  const log = await readLogs(dir)
  const ends = endsByJob(fleet, course.startedMs)
  const deadLetters = (await stack.sqs.messages(names.deadLetter)).map(({ body, attributes }) => {
    return { body, reason: attributes.reason ?? '', ...aboutOf(body) }
  })
  const jobs: JobFacts[] = []
  for (const job of people.jobs) {
    const { jobId, video, source, tenantId, cancelledMs, deletedMs } = job
    const status = JSON.parse((await stack.redisClient.get(statusKey(tenantId, video))) ?? '{}').status
    const told = ends.get(jobId) ?? []
    const deleteIsDead = deadLetters.some((letter) => letter.deletes === video)
    jobs.push({
      ...{ jobId, video, source, cancelledMs, deletedMs, ends: told, status },
      ...{ starts: log.starts.get(jobId) ?? 0, deleteIsDead },
      ...(await outputOf(job, told, fleet)),
    })
  }
  const config = { ...stack.s3, secretKey: stack.s3.secretKey, region: 'auto', prefix: '' }
  const list = openUploadList(config)
  const uploads: string[] = []
  for await (const { key } of list.list('', signal)) uploads.push(key)
  list.close()
  // Other suites have workers, too.
  const ours = ({ command, cwd }: Tool) => command.includes(dir) || cwd.includes(dir)
  return {
    ...{ jobs, poison: people.poison, deadLetters, gaps, exits, unsettled, uploads },
    queue: await stack.sqs.counts(names.queue),
    backlog: await backlogs(fleet, people),
    processes: (await toolsOf(workers)).filter(ours).map(({ pid, command }) => `${pid} ${command}`),
    scratch: await readdir(join(dir, 'scratch')),
    faults: log.faults,
  }
}

/** What the API accepted as news, by job. */
export function endsByJob({ stack }: Fleet, startedMs: number): Map<string, End[]> {
  const ends = new Map<string, End[]>()
  for (const { name, jobId, status, reason, body, atMs } of stack.api.calls) {
    if ((name !== 'complete' && name !== 'fail') || status !== 200 || reason === 'idempotent') continue
    const end = { name, code: String(body.code ?? ''), atMs: atMs - startedMs } as const
    ends.set(jobId, [...(ends.get(jobId) ?? []), end])
  }
  return ends
}

/** Of whom a dead letter is: a job, or the delete of a video. */
function aboutOf(body: string): { jobId: string; deletes: number | undefined } {
  try {
    const { job_id = '', action, video_id } = JSON.parse(body)
    return { jobId: String(job_id), deletes: action === 'delete_r2' ? Number(video_id) : undefined }
  } catch {
    return { jobId: '', deletes: undefined }
  }
}

async function outputOf(
  { tenantId, video, fileKey, deletedMs }: PeopleJob,
  ends: readonly End[],
  { stack, signal }: Fleet,
): Promise<Pick<JobFacts, 'missing' | 'strays'>> {
  const all = stack.s3.keys(jobRoot(tenantId, video))
  if (deletedMs !== undefined) return { missing: [], strays: [...all, ...stack.s3.keys(fileKey)] }
  if (ends.at(-1)?.name !== 'complete') return { missing: [], strays: all }
  const master = stack.api.rows.video(video)?.hlsPath ?? ''
  const tree = await readTree(stack.storage, master, signal)
  const folder = master.slice(0, master.lastIndexOf('/') + 1)
  const outside = all.filter((key) => !key.startsWith(folder))
  return { missing: tree.missing, strays: [...tree.unreferenced, ...outside] }
}

async function backlogs({ stack }: Fleet, people: People): Promise<RunFacts['backlog']> {
  const { redisClient } = stack
  const records = await redisClient.keys('video-worker:job:*')
  const waiting = await Promise.all(
    records.map(async (key) => ({
      counter: await redisClient.hget(key, 'counter'),
      waits: (await redisClient.hget(key, 'waiting')) === '1',
    })),
  )
  return Promise.all(
    people.tenants.map(async (tenant) => {
      const key = everyBacklog.replace('*', String(tenant))
      const recount = waiting.filter(({ counter, waits }) => waits && counter === key).length
      return { tenant, count: await stack.backlog(tenant), recount }
    }),
  )
}

interface Logs {
  /** So often a job or a part of it was begun. */
  readonly starts: ReadonlyMap<string, number>
  readonly faults: readonly string[]
}

async function readLogs(dir: string): Promise<Logs> {
  const starts = new Map<string, number>()
  const faults: string[] = []
  for (const file of (await readdir(dir)).filter((name) => name.endsWith('.log'))) {
    for (const text of (await readFile(join(dir, file), 'utf8')).split('\n')) {
      if (!text.includes('job started') && !text.includes('"internal"')) continue
      const line = readLine(text)
      if (line?.msg === 'job started') starts.set(line.job, (starts.get(line.job) ?? 0) + 1)
      else if (line?.err?.code === 'internal') faults.push(`${file}: ${line.msg}: ${line.err.message}`)
    }
  }
  return { starts, faults }
}

/** Undefined for what a killed worker left half written. */
function readLine(
  text: string,
): { msg: string; job: string; err?: { code?: string; message?: string } } | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
