import { createHash } from 'node:crypto'
import { expectSuccess, isGone, readJson } from './api-answers.ts'
import { type ApiAnswer, createApiClient } from './api-client.ts'
import type { Config } from './config.ts'
import { WorkerError } from './errors.ts'

export interface JobRef {
  jobId: string
  videoId: number
}

/** Contract 4: the first two are the product's, the others ours. */
export interface CompleteBody {
  hls_path: string
  /** Whole seconds. */
  duration: number
  job_id?: string
  attempt?: number
  thumbnail_path?: string
  storyboard_path?: string
  renditions?: readonly object[]
  source?: object
  bytes?: number
  encode_seconds?: number
}

export interface FailBody {
  /** A sentence for people; cut at 2000 characters. */
  reason: string
  code: string
  retryable: boolean
}

export interface Content {
  title: string
  description: string
  /** Makes the idempotency key; left out, the content itself does. */
  jobId?: string
}

/** Contract 5: one row per content. */
export interface VideoAsset {
  video_url: string
  thumbnail_url: string
  hls_url: string
  /** Whole seconds. */
  duration: number
}

/** `skipped`: CATALOG_API_BASE or INTERNAL_TOKEN is not set. */
export type CatalogAnswer = 'accepted' | 'gone' | 'skipped'

/**
 * The product's internal endpoints and the catalogue's. But for heartbeat and check, calls are tried again on
 * network faults, 429 and 5xx and throw WorkerError: `api_unavailable` after the tries, `api_unauthorized` on
 * 401 and 503 without a second try, `owner_mismatch` on 409, `api_refused` on any other client error.
 */
export interface Api {
  /** `gone`: the video was deleted meanwhile (404, 410). */
  complete(job: JobRef, body: CompleteBody, signal: AbortSignal): Promise<'accepted' | 'gone'>
  fail(job: JobRef, body: FailBody, signal: AbortSignal): Promise<'accepted' | 'gone'>
  /** One try; never rejects. */
  heartbeat(job: JobRef, signal: AbortSignal): Promise<'ok' | 'expired' | 'gone' | 'error'>
  /** Whether the API takes our token: a heartbeat of video 0, which no video has. One try; never rejects. */
  check(signal: AbortSignal): Promise<'ok' | 'unauthorized' | 'unavailable'>
  /** Makes a content for a key without an id; resolves its id, undefined when the catalogue is switched off. */
  createContent(content: Content, signal: AbortSignal): Promise<string | undefined>
  upsertContent(contentId: string, content: Content, signal: AbortSignal): Promise<CatalogAnswer>
  addVideoAsset(contentId: string, asset: VideoAsset, signal: AbortSignal): Promise<CatalogAnswer>
  close(): void
}

export interface ApiHooks {
  /** Told of each try: `result` is the status, or the network error's code. */
  onCall?(name: string, result: string): void
}

const reasonLength = 2000

export function openApi(config: Pick<Config, 'api' | 'catalog' | 'workerId'>, hooks: ApiHooks = {}): Api {
  const { api, catalog, workerId } = config
  const client = createApiClient({
    timeoutSeconds: api.timeoutSeconds,
    tries: api.tries,
    base: api.backoffBaseSeconds,
    cap: api.backoffCapSeconds,
    onCall: hooks.onCall?.bind(hooks),
  })

  function videoCall(
    name: string,
    { jobId, videoId }: JobRef,
    json: object | undefined,
    signal: AbortSignal,
  ) {
    const headers = {
      'x-worker-token': api.token,
      'x-worker-id': workerId,
      'idempotency-key': `${jobId}:${name}`,
    }
    const url = `${api.baseUrl}/api/v1/internal/video-worker/${videoId}/${name}/`
    const request = { name, method: 'POST', url, headers, secret: api.token, signal } as const
    return json === undefined ? request : { ...request, json }
  }

  async function catalogCall(
    method: 'POST' | 'PUT',
    path: string,
    { json, idempotencyKey, signal }: { json: object; idempotencyKey: string; signal: AbortSignal },
  ): Promise<ApiAnswer | undefined> {
    if (catalog.baseUrl === '' || catalog.token === '') return undefined
    const headers = {
      'x-internal-token': catalog.token,
      'x-worker-id': workerId,
      'idempotency-key': idempotencyKey,
    }
    const url = `${catalog.baseUrl}/v1/contents/${path}`
    const request = { name: 'catalogue', method, url, headers, json, secret: catalog.token, signal }
    const answer = await client.insist(request)
    if (answer.status !== 404 && answer.status !== 410) expectSuccess('catalogue', answer)
    return answer
  }

  const report = async (name: string, job: JobRef, json: object, signal: AbortSignal) => {
    const answer = await client.insist(videoCall(name, job, json, signal))
    if (isGone(answer)) return 'gone'
    if (answer.status === 409)
      throw new WorkerError('owner_mismatch', `The API says that another worker owns video ${job.videoId}`)
    expectSuccess(name, answer)
    return 'accepted'
  }

  return {
    complete: (job, body, signal) => report('complete', job, body, signal),
    fail: (job, body, signal) =>
      report('fail', job, { ...body, reason: body.reason.slice(0, reasonLength), job_id: job.jobId }, signal),

    async heartbeat(job, signal) {
      const answer = await client.once(videoCall('heartbeat', job, undefined, signal)).catch(() => undefined)
      if (!answer) return 'error'
      if (isGone(answer)) return 'gone'
      if (answer.status === 409) return 'expired'
      return answer.status === 200 ? 'ok' : 'error'
    },

    async check(signal) {
      const request = videoCall('heartbeat', { jobId: workerId, videoId: 0 }, undefined, signal)
      const answer = await client.once({ ...request, name: 'check' }).catch(() => undefined)
      if (!answer || answer.status === 0) return 'unavailable'
      if (answer.status === 401 || answer.status === 403 || answer.status === 503) return 'unauthorized'
      return answer.status < 500 && answer.status !== 429 ? 'ok' : 'unavailable'
    },

    async createContent(content, signal) {
      const { json, idempotencyKey } = contentRequest(content)
      const answer = await catalogCall('POST', 'upsert-internal', { json, idempotencyKey, signal })
      if (!answer) return undefined
      const { id } = readJson(answer)
      if (isGone(answer) || (typeof id !== 'number' && typeof id !== 'string'))
        throw new WorkerError('api_refused', `The catalogue gave no content id: status ${answer.status}`)
      return String(id)
    },

    async upsertContent(contentId, content, signal) {
      const { json, idempotencyKey } = contentRequest(content)
      const path = `${encodeURIComponent(contentId)}/upsert-internal`
      return catalogAnswer(await catalogCall('PUT', path, { json, idempotencyKey, signal }))
    },

    async addVideoAsset(contentId, asset, signal) {
      // The job's own folder is in hls_url, so the key is new for each job and the same for its retries.
      const idempotencyKey = `${digest(asset)}:asset`
      const path = `${encodeURIComponent(contentId)}/video-assets-internal`
      return catalogAnswer(await catalogCall('POST', path, { json: asset, idempotencyKey, signal }))
    },

    close: () => client.close(),
  }
}

function contentRequest({ title, description, jobId }: Content): { json: object; idempotencyKey: string } {
  const json = { title, description, age_rating: 'ALL' }
  return { json, idempotencyKey: `${jobId ?? digest(json)}:content` }
}

function catalogAnswer(answer: ApiAnswer | undefined): CatalogAnswer {
  if (!answer) return 'skipped'
  return isGone(answer) ? 'gone' : 'accepted'
}

function digest(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32)
}
