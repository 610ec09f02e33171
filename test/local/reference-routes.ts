import type { ReferenceRows } from './reference-rows.ts'

/** A request as the endpoints see it, headers in lower case. */
export interface ApiCallRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly json: Readonly<Record<string, unknown>> | undefined
}

export interface ApiCallAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface Route {
  /** `complete`, `fail`, `heartbeat`, `key`, `backlog-count`, `dlq-mark-dead`, `content`, `asset`, `content-key`. */
  readonly name: string
  readonly guard: 'worker' | 'internal' | 'catalogue'
  readonly videoId?: number
  run(): ApiCallAnswer | Promise<ApiCallAnswer>
}

const worker = /^\/api\/v1\/internal\/video-worker\/(\d+)\/(complete|fail|heartbeat|key)\/$/
const contents = /^\/v1\/contents\/(?:([^/]+)\/)?(upsert-internal|video-assets-internal|video-key-internal)$/

/** Finds the endpoint for a request: contract.md sections 4 and 5. Paths are exact, final slash included. */
export function findRoute(
  request: ApiCallRequest,
  rows: ReferenceRows,
  countBacklog: () => Promise<number>,
): Route | undefined {
  const { method, path, json = {} } = request
  const call = worker.exec(path)
  if (call && method === 'POST') {
    const name = call[2]!
    const videoId = Number(call[1])
    return { name, guard: 'worker', videoId, run: () => report(name, videoId, request, rows) }
  }
  if (path === '/api/v1/internal/video/backlog-count/' && method === 'GET')
    return {
      name: 'backlog-count',
      guard: 'internal',
      run: async () => answer(200, { backlog: await countBacklog() }),
    }
  if (path === '/api/v1/internal/video/dlq-mark-dead/' && method === 'POST')
    return { name: 'dlq-mark-dead', guard: 'internal', run: () => markDead(String(json.job_id ?? ''), rows) }
  const content = contents.exec(path)
  if (!content) return undefined
  const id = content[1] === undefined ? undefined : Number(content[1])
  if (content[2] === 'upsert-internal' && method === (id === undefined ? 'POST' : 'PUT'))
    return { name: 'content', guard: 'catalogue', run: () => upsertContent(id, request, rows) }
  if (content[2] === 'video-assets-internal' && method === 'POST' && id !== undefined)
    return { name: 'asset', guard: 'catalogue', run: () => addAsset(id, json, rows) }
  if (content[2] === 'video-key-internal' && method === 'POST' && id !== undefined)
    return { name: 'content-key', guard: 'catalogue', run: () => giveKey(request, rows) }
  return undefined
}

/** The same key for a job however often it is asked for, and where its players get it: test/local/reference-http.ts. */
function giveKey({ json = {}, headers }: ApiCallRequest, rows: ReferenceRows): ApiCallAnswer {
  const jobId = String(json.job_id ?? '')
  if (jobId === '') return answer(400, { detail: 'job_id is required' })
  const uri = `http://${headers.host}${keyPath}${jobId}`
  return answer(200, { key: rows.videoKey(jobId), uri })
}

/** Where anybody gets a key, as a viewer whom the product lets in. */
export const keyPath = '/video-keys/'

function report(name: string, videoId: number, request: ApiCallRequest, rows: ReferenceRows): ApiCallAnswer {
  const { json = {}, headers } = request
  const video = rows.video(videoId)
  if (!video) return answer(404, { detail: 'Not found.' })
  if (video.owner !== null && video.owner !== headers['x-worker-id'])
    return answer(409, { detail: 'lease_owner_mismatch' })
  if (name === 'heartbeat') return answer(200, { ok: true })
  if (name === 'key') return giveKey(request, rows)
  const key = headers['idempotency-key'] ?? ''
  if (key !== '' && rows.answered(key)) return answer(200, { ok: true, reason: 'idempotent' })
  const problem = name === 'complete' ? checkComplete(json) : checkFail(json)
  if (problem) return answer(400, { detail: problem })
  if (name === 'complete')
    rows.updateVideo(videoId, {
      status: 'READY',
      hlsPath: String(json.hls_path),
      duration: Number(json.duration),
      thumbnailPath: textOrNull(json.thumbnail_path),
      storyboardPath: textOrNull(json.storyboard_path),
      details: request.text,
      errorReason: null,
      errorCode: null,
    })
  else
    rows.updateVideo(videoId, {
      status: 'FAILED',
      errorReason: String(json.reason),
      errorCode: textOrNull(json.code),
    })
  const given = { ok: true, reason: 'ok' }
  if (key !== '') rows.remember(key, given)
  return answer(200, given)
}

function checkComplete({ hls_path, duration }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof hls_path !== 'string' || !hls_path.endsWith('.m3u8'))
    return 'hls_path must be the key of a playlist'
  if (!Number.isInteger(duration) || Number(duration) < 0) return 'duration must be whole seconds'
  return undefined
}

function checkFail({ reason }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof reason !== 'string' || reason === '') return 'reason is required'
  return reason.length > 2000 ? 'reason is longer than 2000 characters' : undefined
}

function markDead(jobId: string, rows: ReferenceRows): ApiCallAnswer {
  if (jobId === '') return answer(400, { detail: 'job_id is required' })
  const video = rows.videoOfJob(jobId)
  if (!video) return answer(404, { detail: 'Not found.' })
  if (video.status === 'READY' || video.status === 'DEAD') return answer(200, { ok: true, skipped: true })
  rows.updateVideo(video.id, { status: 'DEAD' })
  return answer(200, { ok: true })
}

function upsertContent(id: number | undefined, request: ApiCallRequest, rows: ReferenceRows): ApiCallAnswer {
  const { title, description, age_rating } = request.json ?? {}
  if (typeof title !== 'string' || title === '') return answer(422, { detail: 'title is required' })
  const key = request.headers['idempotency-key'] ?? ''
  const before = key === '' ? undefined : (rows.answered(key) as { id?: number } | undefined)
  const row = rows.upsertContent(
    id ?? before?.id,
    title,
    String(description ?? ''),
    String(age_rating ?? 'ALL'),
  )
  const given = { id: row.id, title: row.title, age_rating: row.ageRating }
  if (key !== '') rows.remember(key, given)
  return answer(200, given)
}

function addAsset(
  contentId: number,
  json: Readonly<Record<string, unknown>>,
  rows: ReferenceRows,
): ApiCallAnswer {
  const { video_url, thumbnail_url, hls_url, duration } = json
  if (!rows.contents().some((row) => row.id === contentId)) return answer(404, { detail: 'Not Found' })
  const urls = [video_url, thumbnail_url, hls_url]
  if (!urls.every((url) => typeof url === 'string' && url.startsWith('s3://')) || !Number.isInteger(duration))
    return answer(422, { detail: 'three s3:// addresses and a duration in whole seconds are required' })
  const [videoUrl, thumbnailUrl, hlsUrl] = urls.map(String) as [string, string, string]
  rows.upsertAsset({ contentId, videoUrl, thumbnailUrl, hlsUrl, duration: Number(duration) })
  return answer(200, { ok: true })
}

function textOrNull(value: unknown): string | null {
  return value === undefined ? null : String(value)
}

function answer(status: number, body: Readonly<Record<string, unknown>>): ApiCallAnswer {
  return { status, body }
}
