/** What must be when a run is over. */
import { backlogKey, jobRecordKey, statusKey, workFolder } from '../../shared/keys.ts'
import { aboutOf } from './holders.ts'
import type { Job, People } from './jobs.ts'
import { faultOf } from './output.ts'
import { isOver, type Watch } from './watch.ts'
import type { World } from './world.ts'

export interface EndLimits {
  readonly maxAttempts: number
  readonly maxCrashes: number
  /** Redis may owe a recount. */
  readonly recount: boolean
}

/** Whether there is nothing left to wait for. */
export function isQuiet(world: World, people: People): boolean {
  const { waiting, inFlight, delayed } = world.queue.counts()
  return waiting + inFlight + delayed === 0 && people.jobs.every(isOver)
}

export function checkEnd(world: World, people: People, watch: Watch, limits: EndLimits): void {
  for (const { body } of world.queue.messages()) watch.breach('ends', `still in the queue: ${nameOf(body)}`)
  for (const job of people.jobs) checkJob(job, world, watch, limits)
  for (const tenant of new Set(people.videos.map(({ tenantId }) => tenantId))) {
    const count = Number(world.redis.call('GET', backlogKey(tenant)) ?? 0)
    if (count !== 0 && !limits.recount)
      watch.breach('backlog', `tenant ${tenant} has ${count}, a recount gives 0`)
  }
  const records = jobRecordKey('')
  for (const key of world.redis.keys(records)) checkRecord(key.slice(records.length), world, watch)
  checkDeadLetters(world, people, watch)
}

function checkJob(job: Job, world: World, watch: Watch, limits: EndLimits): void {
  const name = job.id.slice(0, 8)
  const { video, folder, reports } = job
  const left = world.bucket.list(folder).filter((key) => !world.lateKeys.has(key))
  const accepted = reports.filter(({ reason }) => reason === 'ok')
  if (video.goneMs !== undefined) {
    if (left.length > 0) watch.breach('leftovers', `video ${video.id} is deleted, and there is ${left[0]}`)
    return
  }
  if (accepted.length === 0) {
    watch.breach('ends', `nobody was told how ${name} ended`)
    return
  }
  // Without its record a job begins anew whose failure the API may know, and nobody else.
  // A watch that SQS took when the job had been given up starts it again, as a redrive does: by its time it is one.
  const [first] = accepted
  const redriven = first!.name === 'fail' && (world.lateSends.get(job.id) ?? 0) > first!.atMs
  if (accepted.length > 1 && !limits.recount && !watch.unclaimed.has(job.id) && !redriven) {
    const what = accepted.map((report) => `${report.name} ${report.code}`).join(', ')
    watch.breach('one-callback', `the API took ${accepted.length} ends of ${name}: ${what}`)
  }
  const last = accepted.at(-1)!
  if (last.name === 'complete') {
    const fault = faultOf(world.bucket, folder, job.id)
    if (fault) watch.breach('output', `${name} is complete, and ${fault}`)
    const work = left.find((key) => key.startsWith(workFolder(folder)))
    if (work && !watch.untidy.has(job.id))
      watch.breach('leftovers', `${name} is complete, and there is ${work}`)
  } else {
    if (left.length > 0) watch.breach('leftovers', `${name} has failed, and there is ${left[0]}`)
    checkReason(job, last.code, watch, { ...limits, recount: world.injuries.done.redis > 0 })
  }
  checkStatus(job, last.name, world, watch)
}

/** A job fails for a reason that this run gave it. */
function checkReason(job: Job, code: string, watch: Watch, limits: EndLimits): void {
  const all = [...watch.ends].filter(([name]) => name.startsWith(job.id)).map(([, ends]) => ends)
  // What Redis did not hear of a hand-back counts as a crash.
  const exhausted = limits.recount || all.some(({ crashes }) => crashes >= limits.maxCrashes)
  const reasons: Record<string, boolean> = {
    container_damaged: job.film.broken === true,
    cancelled: job.cancelMs !== undefined,
    crashes_exhausted: exhausted,
    encode_stalled: exhausted,
  }
  const given = reasons[code] ?? all.some(({ failures }) => failures >= limits.maxAttempts)
  if (!given) watch.breach('attempts', `${job.id.slice(0, 8)} was given up as ${code}, which it was not`)
}

/** The key that the API looks at says what the last job of the video came to. */
function checkStatus(job: Job, end: string, world: World, watch: Watch): void {
  const { video } = job
  const text = world.redis.call('GET', statusKey(video.tenantId, video.id))
  if (video.jobs.length > 1 || text === null || world.injuries.done.redis > 0) return
  const { status } = JSON.parse(String(text)) as { status: string }
  if (status !== (end === 'complete' ? 'READY' : 'FAILED'))
    watch.breach('fencing', `the status of ${job.id.slice(0, 8)} is ${status} after its ${end}`)
}

/** A record never counts more failures and crashes than there were. */
function checkRecord(name: string, world: World, watch: Watch): void {
  const [job = '', part = ''] = name.split('/')
  const { failures, crashes } = watch.endsOf(job, part)
  const record = world.redis.hash(jobRecordKey(name))
  if (Number(record.failures ?? 0) > failures)
    watch.breach('attempts', `${name} counts ${record.failures} failures, there were ${failures}`)
  // A hand-back that Redis missed counts as a crash.
  if (world.injuries.done.redis === 0 && Number(record.crashes ?? 0) > crashes)
    watch.breach('attempts', `${name} counts ${record.crashes} crashes, there were ${crashes}`)
}

function checkDeadLetters(world: World, people: People, watch: Watch): void {
  for (const { id, video, reports } of people.jobs) {
    const last = reports.findLast(({ status }) => status === 200)
    const expected = last?.name === 'fail' && !['container_damaged', 'cancelled'].includes(last.code)
    const parked = world.deadLetters.messages().some(({ body }) => aboutOf(body)?.job === id)
    if (expected && !parked && video.goneMs === undefined)
      watch.breach('dead-letters', `${id.slice(0, 8)} was given up, and is not there`)
  }
  for (const { body } of world.deadLetters.messages()) {
    const job = people.jobs.find(({ id }) => id === aboutOf(body)?.job)
    const given =
      job === undefined ||
      job.video.goneMs !== undefined ||
      job.reports.some((report) => report.name === 'fail')
    if (!given) watch.breach('dead-letters', `${nameOf(body)} is there, and its job is complete`)
  }
}

function nameOf(body: string): string {
  const about = aboutOf(body)
  return about ? `${about.job.slice(0, 8)} ${about.part}` : body
}
