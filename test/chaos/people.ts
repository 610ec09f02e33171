/** The people of a run: they upload, cancel and delete, and the product's API tells the fleet, however often it takes. */
import { randomUUID } from 'node:crypto'
import { backlogKey, cancelKey, jobRoot } from '../../shared/keys.ts'
import { monotonicMs, sleep } from '../../shared/time.ts'
import type { Stack } from '../local/stack.ts'
import type { Act, SourceKind } from './schedule.ts'

/** What is known of a job whatever the fleet says of it. Times from the start of the run. */
export interface PeopleJob {
  readonly jobId: string
  readonly video: number
  readonly tenantId: number
  readonly source: SourceKind
  readonly fileKey: string
  sentMs?: number
  cancelledMs?: number
  deletedMs?: number
}

/** Between two tries of the API, in milliseconds. */
const againMs = 1500
/** The product keeps a request to cancel for five minutes: contract.md section 3. */
const cancelSeconds = 300

export class People {
  readonly jobs: PeopleJob[] = []
  readonly poison: string[] = []
  readonly #stack: Stack
  readonly #sources: Readonly<Record<SourceKind, readonly string[]>>
  readonly #signal: AbortSignal
  readonly #startedMs: number
  readonly #uploads = new Map<number, Promise<PeopleJob>>()

  constructor(
    stack: Stack,
    sources: Readonly<Record<SourceKind, readonly string[]>>,
    startedMs: number,
    signal: AbortSignal,
  ) {
    this.#stack = stack
    this.#sources = sources
    this.#startedMs = startedMs
    this.#signal = signal
  }

  get tenants(): readonly number[] {
    return [...new Set(this.jobs.map(({ tenantId }) => tenantId))]
  }

  /** Resolves when it is done; acts on one video are done in their order. */
  async act(act: Act): Promise<void> {
    if (act.what === 'poison') {
      this.poison.push(act.body)
      return this.#insist(() => this.#stack.send(act.body))
    }
    if (act.what === 'upload') {
      const upload = this.#upload(act)
      this.#uploads.set(act.video, upload)
      await upload
      return
    }
    const job = await this.#uploads.get(act.video)
    if (job && act.what === 'cancel') await this.#cancel(job)
    else if (job) await this.#delete(job)
  }

  async #upload(act: Extract<Act, { what: 'upload' }>): Promise<PeopleJob> {
    const { video, source, pick, twice, lateRowMs } = act
    const stack = this.#stack
    const tenantId = 1 + (video % 2)
    const files = this.#sources[source]
    const file = files[Math.floor(pick * files.length)]
    const fileKey = file
      ? await this.#insist(() => stack.upload(file, { tenantId }))
      : `tenants/${tenantId}/video/raw/${randomUUID()}/${randomUUID()}.mp4`
    const job: PeopleJob = { jobId: randomUUID(), video, tenantId, source, fileKey }
    this.jobs.push(job)
    const input = { ...job, videoId: video }
    const body = { job_id: job.jobId, video_id: video, tenant_id: tenantId, file_key: fileKey }
    if (lateRowMs > 0) {
      await this.#insist(() => stack.send(body))
      job.sentMs = this.#nowMs()
      await sleep(lateRowMs, { signal: this.#signal })
      stack.api.rows.addVideo({ ...input, id: video })
      await this.#insist(() => stack.redisClient.incr(backlogKey(tenantId)))
    } else {
      // A try that fails behind the message sends it once more: so does the product.
      await this.#insist(() => stack.sendJob(input))
      job.sentMs = this.#nowMs()
    }
    if (twice) await this.#insist(() => stack.send(body))
    return job
  }

  async #cancel(job: PeopleJob): Promise<void> {
    const { tenantId, video } = job
    job.cancelledMs = this.#nowMs()
    await this.#insist(() =>
      this.#stack.redisClient.set(cancelKey(tenantId, video), '1', 'EX', cancelSeconds),
    )
  }

  /** As the simulation has it: the row, then the message, then the count. */
  async #delete(job: PeopleJob): Promise<void> {
    const { tenantId, video, fileKey } = job
    job.deletedMs = this.#nowMs()
    this.#stack.api.rows.deleteVideo(video)
    const body = {
      ...{ action: 'delete_r2', tenant_id: tenantId, video_id: video, file_key: fileKey },
      ...{ hls_prefix: jobRoot(tenantId, video), created_at: new Date().toISOString() },
    }
    await this.#insist(() => this.#stack.send(body))
    await this.#insist(() => this.#stack.redisClient.incr(backlogKey(tenantId)))
  }

  #nowMs(): number {
    return monotonicMs() - this.#startedMs
  }

  /** Until it is done, or the run is. */
  async #insist<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask()
      } catch {
        await sleep(againMs, { signal: this.#signal })
      }
    }
  }
}
