/** Watches one run: what must never happen while it goes on. What must be at its end is in end.ts. */
import { jobRecordKey } from '../../shared/keys.ts'
import type { MessageView } from '../strict-sqs/message.ts'
import { type About, aboutOf, heldBy } from './holders.ts'
import type { Job, People } from './jobs.ts'
import type { CallAbout, Machine } from './machine.ts'
import { faultOf } from './output.ts'
import { recount } from './recount.ts'
import type { World } from './world.ts'

/** Something that must never be, and what shows it. */
export interface Breach {
  readonly invariant: string
  readonly what: string
}

/** How a part or a whole job ended so far, by what was injured and said, not by its record. */
export interface Ends {
  failures: number
  /** Processes that died with it, hung encoders, lost leases. */
  crashes: number
}

/** Codes that say that the worker itself is at fault; no injury of this simulation can cause them. */
const faults = [
  'internal',
  'output_invalid',
  'storage_refused',
  'probe_failed',
  'spawn_failed',
  'api_refused',
]

export class Watch {
  readonly breaches: Breach[] = []
  readonly ends = new Map<string, Ends>()
  readonly #world: World
  readonly #people: People
  /** Jobs whose bucket was away even when their end was tidied once more. */
  readonly untidy = new Set<string>()
  /** Jobs of which an attempt, or one of a part, began without Redis: nobody could tell it what had failed before. */
  readonly unclaimed = new Set<string>()
  readonly #drainMs: number
  #recount: boolean
  /** Of each process: what it said it hands back because it drains. */
  readonly #handedBack = new Map<Machine, Set<string>>()

  /** recount: Redis may owe one in this run. */
  constructor(world: World, people: People, drainSeconds: number, recount: boolean) {
    this.#recount = recount
    this.#world = world
    this.#people = people
    this.#drainMs = drainSeconds * 1000
    world.watch = this
    world.redis.onNumber = (key, value) => {
      world.ledger.add('redis', 'counts', `${key} is ${value}`)
      if (value < 0) this.breach('backlog', `${key} is ${value}`)
    }
  }

  breach(invariant: string, what: string): void {
    if (this.breaches.some((each) => each.invariant === invariant && each.what === what)) return
    this.breaches.push({ invariant, what })
    this.#world.ledger.add('!!!', 'BREACH', `${invariant}: ${what}`)
  }

  endsOf(job: string, part = ''): Ends {
    const name = part === '' ? job : `${job}/${part}`
    const ends = this.ends.get(name) ?? { failures: 0, crashes: 0 }
    this.ends.set(name, ends)
    return ends
  }

  /** Before a call is made: whoever touches a job holds a message of it. */
  onCall(machine: Machine, { service, what, detail, job }: CallAbout): void {
    if (service === 'api' && job !== undefined && !this.#holds(machine, ({ job: held }) => held === job))
      this.breach(
        'after-lease',
        `${machine.name} reports ${what} of ${job.slice(0, 8)}, whose message it lost`,
      )
    if (service !== 'bucket' || (what !== 'put' && what !== 'remove')) return
    for (const key of detail.split(' ')) {
      const found = /\/hls\/(\d+)\/(?:([0-9a-f-]{36})\/)?/.exec(key)
      const [, video, owner] = found ?? []
      const mine = this.#holds(machine, (about) =>
        what === 'put' ? about.job === owner : about.videoId === Number(video),
      )
      if (found && !mine)
        this.breach('after-lease', `${machine.name} does ${what} ${key}, whose message it lost`)
    }
  }

  #holds(machine: Machine, fits: (about: { job: string; videoId: number }) => boolean): boolean {
    return heldBy(this.#world, machine).some(({ about }) => fits(about))
  }

  /** A message goes: its job has ended, or another message of it lives. */
  onDelete(handle: string): void {
    const { queue } = this.#world
    const message = queue.messageOf(handle)
    if (!message || message.gone || message.handle !== handle) return
    const about = aboutOf(message.body)
    if (!about) {
      const parked = this.#world.deadLetters.messages().some(({ body }) => body === message.body)
      if (!parked) this.breach('lost', `poison is deleted and not in the DLQ: ${message.body}`)
      return
    }
    const others = queue
      .messages()
      .some((other) => other !== message && aboutOf(other.body)?.job === about.job)
    const job = this.#people.jobs.find(({ id }) => id === about.job)
    const video = this.#people.videos.find(({ id }) => id === about.videoId)!
    if (job && !others && !isOver(job))
      this.breach(
        'lost',
        `the last message of ${job.id.slice(0, 8)} is deleted, and nobody was told of its end`,
      )
    if (!job && this.#world.bucket.objects.has(video.jobs.at(-1)?.fileKey ?? ''))
      this.breach('lost', `the delete of video ${about.videoId} is acked, and its source is there`)
  }

  /** An object is there: from its master on a video can be seen. */
  onPut(key: string): void {
    const [, folder, job] = /^(.*\/([0-9a-f-]{36})\/)master\.m3u8$/.exec(key) ?? []
    if (folder === undefined || job === undefined) return
    const gone = this.#people.jobs.find(({ id }) => id === job)?.video.goneMs !== undefined
    const fault = gone ? undefined : faultOf(this.#world.bucket, folder, job)
    if (fault) this.breach('half', `the master of ${job.slice(0, 8)} is up, and ${fault}`)
  }

  onReport(name: string, json: Record<string, unknown>, status: number, body: object): void {
    const job = this.#people.jobs.find(({ id }) => id === json.job_id)
    if (!job) return
    const { reason = '' } = body as { reason?: string }
    const report = {
      ...{ name, status, reason, code: String(json.code ?? ''), hlsPath: String(json.hls_path ?? '') },
      atMs: this.#world.clock.nowMs,
    }
    const before = job.reports.find((each) => each.name === name && each.hlsPath !== report.hlsPath)
    if (before)
      this.breach('one-callback', `${name} of ${job.id.slice(0, 8)} comes again and says something else`)
    job.reports.push(report)
    if (name !== 'complete' || status !== 200) return
    if (report.hlsPath !== `${job.folder}master.m3u8`)
      this.breach('output', `${job.id.slice(0, 8)} reports ${report.hlsPath}`)
    const fault = faultOf(this.#world.bucket, job.folder, job.id)
    if (fault) this.breach('output', `${job.id.slice(0, 8)} is reported complete, and ${fault}`)
  }

  /** The counter is what a recount from the records gives, after each script. */
  onScript(): void {
    if (this.#recount) return
    for (const [tenant, counted] of this.#people.counted) {
      const { count, owed } = recount(this.#world, this.#people, tenant, counted)
      if (count === owed) continue
      this.breach('backlog', `tenant ${tenant} has ${count}, its records say ${owed}`)
      // One is enough: it stays wrong.
      this.#recount = true
    }
  }

  onCrash(machine: Machine): void {
    for (const { about } of heldBy(this.#world, machine)) {
      const { job: name, part, videoId } = about
      const video = this.#people.videos.find(({ id }) => id === videoId)
      // The record and the log call a delete by its job's id.
      const job = name.startsWith('delete ') ? (video?.deleteId ?? name) : name
      this.endsOf(job, part).crashes += 1
      // A part holds its job as well while it ends it.
      const { owner } = this.#world.redis.hash(jobRecordKey(job))
      if (owner === `${machine.name}:${job}/${part}`) this.endsOf(job).crashes += 1
    }
  }

  onDrained(machine: Machine, how: 'clean' | 'forced'): void {
    const { draining } = machine
    const { clock, injuries, queue, handles, refused } = this.#world
    const tookMs = clock.nowMs - draining!.sinceMs
    if (tookMs > this.#drainMs + 1_000)
      this.breach('drain', `${machine.name} took ${Math.round(tookMs / 1000)} s to drain`)
    if (how === 'forced') this.onCrash(machine)
    // A call that failed may have been the one that shows a message again.
    if (how === 'forced' || injuries.lastMs > draining!.sinceMs - 120_000) return
    const nowMs = clock.wallMs()
    for (const name of this.#handedBack.get(machine) ?? []) {
      const messages = queue.messages().filter(({ body }) => nameOf(aboutOf(body)) === name)
      const holder = ({ handle = '' }: MessageView) => handles.get(handle)
      // Of a message that SQS delivered to this process twice the first handle may be worth nothing: it was tried.
      const isRefused = ({ history }: MessageView) =>
        history.some(({ handle = '' }) => refused.has(handle) && handles.get(handle) === machine)
      const hidden = messages.filter((each) => each.visibleAtMs > nowMs && !isRefused(each))
      // One is enough: of a job that was sent twice the other message was put off while the job was worked on.
      const free =
        hidden.length < messages.length || hidden.some((each) => (holder(each) ?? machine) !== machine)
      if (!free && hidden.some((each) => holder(each) === machine))
        this.breach('hand-back', `${machine.name} is gone, and ${name.slice(0, 8)} is not visible`)
    }
  }

  onLog(machine: Machine, message: string, fields: Record<string, unknown>): void {
    const { outcome, job = '', part = '' } = fields as Record<string, string>
    const { err: error } = fields as { err?: Error & { code?: string; kind?: string } }
    const gone = this.#people.jobs.some(({ id, video }) => id === job && video.goneMs !== undefined)
    if (error?.code && faults.includes(error.code) && !gone)
      this.breach('fault', `${message}: ${error.message}`)
    if (message === 'the end could not be tidied') this.untidy.add(job)
    if (message.startsWith('no claim in Redis')) this.unclaimed.add(job)
    if (message === 'job settled' && outcome === 'lost') this.endsOf(job, part).crashes += 1
    if (!error || !['job ended without a result', 'the outcome could not be settled'].includes(message))
      return
    if (error.code === 'encode_stalled') this.endsOf(job, part).crashes += 1
    else if (error.kind === 'failed') this.endsOf(job, part).failures += 1
    if (error.code !== 'drained') return
    const handedBack = this.#handedBack.get(machine) ?? new Set()
    this.#handedBack.set(machine, handedBack.add(nameOf({ job, part })))
  }
}

function nameOf(about: Pick<About, 'job' | 'part'> | undefined): string {
  return about ? `${about.job}/${about.part}` : ''
}

/** Whether the API knows how the job ended, or has nobody left to tell. */
export function isOver({ reports, video }: Job): boolean {
  return video.goneMs !== undefined || reports.some(({ status }) => status === 200)
}
