/** The people of one run: what they upload, cancel, replace and delete, as the product's API tells the fleet. */
import { backlogKey, cancelKey, jobFolder, jobRoot } from '../../shared/keys.ts'
import { parseMessage } from '../../shared/messages.ts'
import { type Film, writeFilm } from './film.ts'
import { shortBody } from './ledger.ts'
import type { World } from './world.ts'

/** A terminal report of a worker, and what the API answered. */
export interface Report {
  readonly name: string
  readonly status: number
  /** ok, or idempotent for one that was there already. */
  readonly reason: string
  readonly code: string
  readonly hlsPath: string
  readonly atMs: number
}

/** What is known of a job whatever the fleet says of it. */
export interface Job {
  readonly id: string
  readonly video: Video
  readonly fileKey: string
  readonly folder: string
  film: Film
  cancelMs?: number
  readonly reports: Report[]
}

export interface Video {
  readonly id: number
  readonly tenantId: number
  readonly root: string
  /** When its row was deleted. */
  goneMs?: number
  /** Of the job that deletes it. */
  deleteId?: string
  readonly jobs: Job[]
}

export const poison = ['connection_test', '{"video_id": 7, "file_key": "tenants/1/a.mp4"}'] as const

export class People {
  readonly videos: Video[] = []
  readonly #world: World
  /** When the last of what was planned is done. */
  busyUntilMs = 0
  poisoned = 0
  /** How often the API has counted, by tenant. */
  readonly counted = new Map<number, number>()

  constructor(world: World) {
    this.#world = world
  }

  get jobs(): Job[] {
    return this.videos.flatMap(({ jobs }) => jobs)
  }

  /** Everything that people will do in this run. */
  plan(videos: number, withinMs: number): void {
    const world = this.#world
    for (let id = 1; id <= videos; id++) {
      const tenantId = world.whole(1, 2)
      const video: Video = { id, tenantId, root: jobRoot(tenantId, id), jobs: [] }
      this.videos.push(video)
      const atMs = world.between(0, withinMs)
      this.#at(atMs, () => this.#upload(video))
      const roll = world.random()
      const laterMs = atMs + world.between(1_000, 180_000)
      if (roll < 0.12) this.#at(laterMs, () => this.#cancel(video))
      else if (roll < 0.24) this.#at(laterMs, () => this.#delete(video))
      else if (roll < 0.32) this.#at(laterMs, () => this.#upload(video))
      else if (roll < 0.36) this.#at(laterMs, () => this.#replace(video))
    }
    if (world.random() < 0.1) this.#at(world.between(0, withinMs), () => this.#poison())
  }

  #at(ms: number, run: () => void): void {
    this.busyUntilMs = Math.max(this.busyUntilMs, ms)
    this.#world.later(ms, run)
  }

  #upload(video: Video): void {
    const world = this.#world
    const { id, tenantId } = video
    if (video.goneMs !== undefined) return
    const number = video.jobs.length
    const fileKey = `tenants/${tenantId}/video/raw/s/${id}-${number}.mp4`
    const film = this.#film()
    const jobId = this.#uuid()
    const job: Job = {
      ...{ id: jobId, video, fileKey, film },
      folder: jobFolder(video.root, jobId),
      reports: [],
    }
    video.jobs.push(job)
    // Either may come late: lesson 12.
    const late = () => (world.random() < 0.1 ? world.between(0, 20_000) : 0)
    world.later(late(), () => void world.bucket.put(fileKey, writeFilm(film)))
    world.later(late(), () => {
      if (video.goneMs === undefined) world.rows.addVideo({ id, tenantId, fileKey, jobId })
      if (number > 0) world.rows.updateVideo(id, { status: 'PENDING' })
    })
    const copies = world.random() < 0.1 ? 2 : 1
    const body = { job_id: jobId, video_id: id, tenant_id: tenantId, file_key: fileKey }
    world.ledger.add('people', 'upload', `${jobId.slice(0, 8)} is video ${id}: ${JSON.stringify(film)}`)
    this.#send(body, tenantId, copies)
  }

  #cancel(video: Video): void {
    const job = video.jobs.at(-1)
    if (!job || this.#world.rows.video(video.id)?.status !== 'PENDING') return
    job.cancelMs = this.#world.clock.nowMs
    this.#world.ledger.add('people', 'cancel', job.id.slice(0, 8))
    this.#world.redis.call('SET', cancelKey(video.tenantId, video.id), '1', 'EX', '300')
  }

  #delete(video: Video): void {
    const { id, tenantId, root } = video
    video.goneMs = this.#world.clock.nowMs
    this.#world.rows.deleteVideo(id)
    this.#world.ledger.add('people', 'delete', `video ${id}`)
    const file_key = video.jobs.at(-1)?.fileKey ?? ''
    const created_at = this.#world.clock.wallMs()
    const body = {
      action: 'delete_r2',
      tenant_id: tenantId,
      video_id: id,
      file_key,
      hls_prefix: root,
      created_at,
    }
    const message = parseMessage(JSON.stringify(body), { bucket: 'bucket', catalogKeyPrefix: 'videos/' })
    if ('jobId' in message) video.deleteId = message.jobId
    this.#send(body, tenantId, 1)
  }

  #replace(video: Video): void {
    const job = video.jobs.at(-1)
    if (!job) return
    job.film = { ...job.film, take: job.film.take + 1 }
    this.#world.ledger.add('people', 'replace', `the source of ${job.id.slice(0, 8)}`)
    this.#world.bucket.put(job.fileKey, writeFilm(job.film))
  }

  #poison(): void {
    this.poisoned += 1
    this.#world.queue.send({ body: this.#world.oneOf(poison) })
    this.#world.wakePolls()
  }

  /** The message first, the count a moment later: contract.md section 3. */
  #send(fields: object, tenantId: number, copies: number): void {
    const world = this.#world
    const body = JSON.stringify(fields)
    for (let copy = 0; copy < copies; copy++) world.queue.send({ body })
    world.ledger.add('api', 'sends', `${shortBody(body)}${copies > 1 ? `, ${copies} times` : ''}`)
    world.wakePolls()
    world.later(world.between(0, 2_000), () => {
      world.redis.call('INCR', backlogKey(tenantId))
      this.counted.set(tenantId, (this.counted.get(tenantId) ?? 0) + 1)
    })
  }

  #film(): Film {
    const world = this.#world
    const long = world.random() < 0.4
    const film = { seconds: long ? world.whole(125, 400) : world.whole(4, 115), take: 0 }
    const roll = world.random()
    if (roll < 0.06) return { ...film, broken: true }
    return roll < 0.1 ? { ...film, cursed: true } : film
  }

  #uuid(): string {
    const hex = () => this.#world.whole(0, 0xffff).toString(16).padStart(4, '0')
    return `${hex()}${hex()}-${hex()}-4${hex().slice(1)}-8${hex().slice(1)}-${hex()}${hex()}${hex()}`
  }
}
