import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Api, openApi } from '../../shared/api.ts'
import { type ReferenceApi, startReferenceApi } from '../local/reference-api.ts'

const { signal } = new AbortController()
const job = { jobId: 'b3e1-1', videoId: 5 }
const body = { hls_path: 'tenants/1/video/hls/5/b3e1-1/master.m3u8', duration: 61, job_id: 'b3e1-1' }
let server: ReferenceApi
let api: Api
let calls: string[] = []

beforeAll(async () => {
  server = await startReferenceApi({ token: 'right' })
  api = open()
})

beforeEach(() => {
  calls = []
  server.calls.length = 0
  server.faults.clear()
  server.setToken('right')
  server.rows.deleteVideo(5)
  server.rows.addVideo({ id: 5, tenantId: 1, fileKey: 'tenants/1/video/raw/a/b.mp4' })
})

afterAll(async () => {
  api.close()
  await server.close()
})

function open(
  overrides: {
    baseUrl?: string
    token?: string
    catalogToken?: string
    tries?: number
    timeoutSeconds?: number
  } = {},
): Api {
  const {
    baseUrl = server.baseUrl,
    token = 'right',
    catalogToken = 'local-catalog-token',
    tries = 6,
    timeoutSeconds = 20,
  } = overrides
  return openApi(
    {
      workerId: 'worker-1',
      api: {
        ...{ baseUrl, token, tries, timeoutSeconds, heartbeatSeconds: 20 },
        ...{ backoffBaseSeconds: 0.01, backoffCapSeconds: 0.02 },
      },
      catalog: { baseUrl, token: catalogToken, keyPrefix: 'videos/' },
    },
    { onCall: (name, result) => calls.push(`${name} ${result}`) },
  )
}

describe('complete and fail', () => {
  test('are accepted once, and again as idempotent, signed and with their names', async () => {
    expect(await api.complete(job, body, signal)).toBe('accepted')
    expect(await api.complete(job, body, signal)).toBe('accepted')
    expect(server.calls.map((call) => call.reason)).toEqual(['ok', 'idempotent'])
    expect(server.calls[0]).toMatchObject({
      name: 'complete',
      videoId: 5,
      workerId: 'worker-1',
      idempotencyKey: 'b3e1-1:complete',
      body,
    })
    expect(server.rows.video(5)).toMatchObject({ status: 'READY', hlsPath: body.hls_path, duration: 61 })
    expect(calls).toEqual(['complete 200', 'complete 200'])
  })

  test('a failure carries its code, and its reason is cut at 2000 characters', async () => {
    const failed = { reason: 'ä'.repeat(3000), code: 'no_video', retryable: false }
    expect(await api.fail({ ...job, jobId: 'b3e1-2' }, failed, signal)).toBe('accepted')
    expect(server.rows.video(5)).toMatchObject({ status: 'FAILED', errorCode: 'no_video' })
    expect(server.rows.video(5)!.errorReason).toHaveLength(2000)
    expect(server.calls[0]!.body).toMatchObject({ job_id: 'b3e1-2', retryable: false })
  })

  test('a video that was deleted is gone', async () => {
    server.rows.deleteVideo(5)
    expect(await api.complete(job, body, signal)).toBe('gone')
    server.faults.failNext({ operation: 'fail' }, { status: 410 })
    expect(await api.fail(job, { reason: 'x', code: 'y', retryable: true }, signal)).toBe('gone')
  })

  test('another owner is owner_mismatch, any other refusal api_refused, neither tried again', async () => {
    server.rows.updateVideo(5, { owner: 'worker-2' })
    const taken = api.complete({ ...job, jobId: 'b3e1-3' }, body, signal)
    await expect(taken).rejects.toMatchObject({ code: 'owner_mismatch' })
    server.rows.updateVideo(5, { owner: null })
    const refused = api.complete({ ...job, jobId: 'b3e1-4' }, { ...body, hls_path: 'wrong' }, signal)
    await expect(refused).rejects.toMatchObject({
      code: 'api_refused',
      message: expect.stringContaining('400'),
    })
    expect(calls).toEqual(['complete 409', 'complete 400'])
  })

  test.each([
    ['401', { status: 401 }],
    ['503', { status: 503 }],
  ])('%s is api_unauthorized at once, and the error holds no token', async (_name, fault) => {
    server.faults.failNext({}, fault)
    const error = await api.complete(job, body, signal).catch((reason: Error) => reason)
    expect(error).toMatchObject({ code: 'api_unauthorized' })
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('right')
    expect(calls).toHaveLength(1)
  })

  test.each([
    ['500', { status: 500 }],
    ['429', { status: 429 }],
    ['a reset', { reset: true }],
    ['a lost answer', { reset: true, when: 'after' }],
  ] as const)('%s is tried again, and the effect happens once', async (_name, fault) => {
    const jobId = `retried-${_name}`
    server.faults.failNext({}, { ...fault, times: 3 })
    expect(await api.complete({ ...job, jobId }, body, signal)).toBe('accepted')
    expect(calls).toHaveLength(4)
    expect(server.calls.filter((call) => call.reason === 'ok')).toHaveLength(1)
  })

  test('an API that never answers is unavailable after the tries', async () => {
    const away = open({ baseUrl: 'http://127.0.0.1:9' })
    const error = await away.complete(job, body, signal).catch((reason: Error) => reason)
    expect(error).toMatchObject({ code: 'api_unavailable' })
    expect(calls).toEqual(Array.from({ length: 6 }, () => 'complete ECONNREFUSED'))
    away.close()
    const slow = open({ tries: 1, timeoutSeconds: 1 })
    server.faults.failNext({}, { stall: true })
    await expect(slow.complete(job, body, signal)).rejects.toMatchObject({ code: 'api_unavailable' })
    slow.close()
  })

  test('an abort ends a call, and a wait between two, with its own reason', async () => {
    for (const fault of [{ stall: true }, { status: 500 }] as const) {
      const controller = new AbortController()
      const reason = new Error('lease lost')
      const hits = server.faults.failNext({}, { ...fault, times: 99 })
      const call = api.complete(job, body, controller.signal)
      while (hits.hits() === 0) await new Promise(setImmediate)
      controller.abort(reason)
      await expect(call).rejects.toBe(reason)
      server.faults.clear()
    }
  })
})

describe('the key of a video', () => {
  test('is the same however often it is asked for, with an address that gives it to players', async () => {
    const given = await api.videoKey(job, signal)
    expect(given.key).toHaveLength(16)
    expect(await api.videoKey(job, signal)).toEqual(given)
    expect(server.calls[0]).toMatchObject({ name: 'key', jobId: job.jobId, idempotencyKey: 'b3e1-1:key' })
    expect(Buffer.from(await (await fetch(given.uri)).arrayBuffer())).toEqual(given.key)
    expect((await api.videoKey({ ...job, jobId: 'b3e1-9' }, signal)).key).not.toEqual(given.key)
    expect((await api.contentVideoKey('7', 'film-1', signal))?.key).toHaveLength(16)
    const off = open({ catalogToken: '' })
    expect(await off.contentVideoKey('7', 'film-1', signal)).toBeUndefined()
    off.close()
  })

  test('of a video that is not there, or somebody else’s, is refused', async () => {
    server.rows.deleteVideo(5)
    await expect(api.videoKey(job, signal)).rejects.toMatchObject({ code: 'key_unavailable' })
    server.rows.addVideo({ id: 5, tenantId: 1, fileKey: 'tenants/1/video/raw/a/b.mp4' })
    server.rows.updateVideo(5, { owner: 'worker-2' })
    await expect(api.videoKey(job, signal)).rejects.toMatchObject({ code: 'owner_mismatch' })
  })

  test('is tried again when the API is away, and then the message waits', async () => {
    server.faults.failNext({ operation: 'key' }, { status: 500, times: 2 })
    expect((await api.videoKey(job, signal)).key).toHaveLength(16)
    server.faults.failNext({ operation: 'key' }, { status: 500, times: 9 })
    await expect(api.videoKey(job, signal)).rejects.toMatchObject({ code: 'api_unavailable' })
  })
})

describe('heartbeat and check', () => {
  test('say what the API thinks in one try, and never reject', async () => {
    expect(await api.heartbeat(job, signal)).toBe('ok')
    server.rows.updateVideo(5, { owner: 'worker-2' })
    expect(await api.heartbeat(job, signal)).toBe('expired')
    server.rows.deleteVideo(5)
    expect(await api.heartbeat(job, signal)).toBe('gone')
    server.faults.failNext({}, { status: 500 })
    expect(await api.heartbeat(job, signal)).toBe('error')
    expect(await api.heartbeat(job, AbortSignal.abort())).toBe('error')
    expect(calls).toHaveLength(4)
  })

  test('tell a wrong token from an API that is away', async () => {
    expect(await api.check(signal)).toBe('ok')
    server.setToken('another')
    expect(await api.check(signal)).toBe('unauthorized')
    server.setToken('')
    expect(await api.check(signal)).toBe('unauthorized')
    server.faults.failNext({}, { reset: true })
    expect(await api.check(signal)).toBe('unavailable')
  })
})

describe('the catalogue', () => {
  const content = { title: 'My Movie', description: 'Uploaded video: my-movie', jobId: 'c-1' }
  const asset = {
    video_url: 's3://b/v.mp4',
    thumbnail_url: 's3://b/t.jpg',
    hls_url: 's3://b/m.m3u8',
    duration: 9,
  }

  test('content and asset are one row each, however often they are sent', async () => {
    for (let n = 0; n < 2; n++) {
      expect(await api.upsertContent('42', content, signal)).toBe('accepted')
      expect(await api.addVideoAsset('42', asset, signal)).toBe('accepted')
    }
    expect(server.rows.contents()).toEqual([
      { id: 42, title: 'My Movie', description: 'Uploaded video: my-movie', ageRating: 'ALL' },
    ])
    expect(server.rows.assets()).toMatchObject([{ contentId: 42, duration: 9 }])
    expect(await api.addVideoAsset('43', asset, signal)).toBe('gone')
  })

  test('a content without an id is given one, the same when the answer was lost', async () => {
    server.faults.failNext({ operation: 'content' }, { reset: true, when: 'after' })
    const id = await api.createContent({ title: 'New', description: '', jobId: 'c-2' }, signal)
    expect(Number(id)).toBeGreaterThan(42)
    expect(server.rows.contents().filter((row) => row.title === 'New')).toHaveLength(1)
  })

  test('is skipped when it is not configured', async () => {
    const off = open({ catalogToken: '' })
    expect(await off.upsertContent('42', content, signal)).toBe('skipped')
    expect(await off.addVideoAsset('42', asset, signal)).toBe('skipped')
    expect(await off.createContent(content, signal)).toBeUndefined()
    expect(server.calls).toEqual([])
    off.close()
  })
})

describe('the reference API', () => {
  const post = (path: string, headers: Record<string, string>, json: object) =>
    fetch(`${server.baseUrl}${path}`, { method: 'POST', headers, body: JSON.stringify(json) })

  test('refuses a wrong signature, a wrong key and an unknown path', async () => {
    const path = '/api/v1/internal/video-worker/5/heartbeat/'
    const signed = { 'x-worker-token': 'right', 'x-worker-signature': `t=1,v1=${'0'.repeat(64)}` }
    expect((await post(path, signed, {})).status).toBe(401)
    expect((await post(path.slice(0, -1), { 'x-worker-token': 'right' }, {})).status).toBe(404)
    const backlog = `${server.baseUrl}/api/v1/internal/video/backlog-count/`
    expect((await fetch(backlog)).status).toBe(403)
  })

  test('answers a count that it cannot know with an error, never with 0', async () => {
    const headers = { 'x-internal-key': 'local-internal-key' }
    const answer = await fetch(`${server.baseUrl}/api/v1/internal/video/backlog-count/`, { headers })
    expect(answer.status).toBe(500)
  })

  test('marks the job of a dead letter dead, once', async () => {
    const headers = { 'x-internal-key': 'local-internal-key' }
    const path = '/api/v1/internal/video/dlq-mark-dead/'
    server.rows.updateVideo(5, { jobId: 'dead-1' })
    expect(await (await post(path, headers, { job_id: 'dead-1' })).json()).toEqual({ ok: true })
    expect(await (await post(path, headers, { job_id: 'dead-1' })).json()).toEqual({
      ok: true,
      skipped: true,
    })
    expect((await post(path, headers, {})).status).toBe(400)
    expect((await post(path, headers, { job_id: 'unknown' })).status).toBe(404)
  })
})
