import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type ErrorCode, errorCodes } from '../../shared/errors.ts'
import type { Outcome } from '../local/stack.ts'
import { makeBadClip } from './clips.ts'
import { type Fleet, type FleetWorker, openFleet } from './harness.ts'

// Every rejected file ends as one fail callback with a code and a sentence; nothing is left but the source.
const tenantId = 4
const texts = {
  'empty.mp4': '',
  'text.mp4': 'This is not a video. '.repeat(100),
  'playlist.mp4': '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n',
  'remote-playlist.mp4': '#EXTM3U\n#EXTINF:4,\nhttp://127.0.0.1:9/canary.ts\n#EXT-X-ENDLIST\n',
  'concat.mp4': "ffconcat version 1.0\nfile '../other-tenant.mp4'\n",
  'session.mp4': 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n',
} as const
const made = ['subtitles.mkv', 'still.png', 'no-index.mp4'] as const
const expected: Record<string, readonly ErrorCode[]> = {
  'empty.mp4': ['input_empty'],
  'text.mp4': ['container_unsupported'],
  'playlist.mp4': ['input_playlist'],
  'remote-playlist.mp4': ['input_playlist'],
  'concat.mp4': ['input_playlist'],
  'session.mp4': ['input_playlist'],
  'subtitles.mkv': ['no_video'],
  'still.png': ['container_unsupported', 'no_video'],
  'no-index.mp4': ['container_damaged'],
}

let fleet: Fleet
let worker: FleetWorker
const ends = new Map<string, { outcome: Outcome; videoId: number }>()

beforeAll(async () => {
  fleet = await openFleet()
  worker = fleet.start('bad')
  const { stack, dir } = fleet
  for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, name), text)
  for (const name of made) await makeBadClip(dir, name)
  for (const [index, name] of Object.keys(expected).entries()) {
    const videoId = index + 1
    const fileKey = await stack.upload(join(dir, name), { tenantId, name })
    const jobId = await stack.sendJob({ tenantId, videoId, fileKey })
    ends.set(name, { outcome: await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) }), videoId })
  }
  await fleet.until('all settled', () => settledLines().length === Object.keys(expected).length)
}, 900_000)
afterAll(() => fleet?.close())

const settledLines = () => worker.log().filter((line) => line.msg === 'job settled')

describe.each(Object.keys(expected))('%s', (name) => {
  test('ends as one fail callback, with its code and a sentence for people', () => {
    const { outcome } = ends.get(name)!
    expect(outcome.kind).toBe('fail')
    expect(expected[name]).toContain(outcome.body.code)
    expect(outcome.body.retryable).toBe(false)
    const { meaning } = errorCodes[outcome.body.code as ErrorCode]
    expect(String(outcome.body.reason).startsWith(meaning)).toBe(true)
    expect(String(outcome.body.reason)).not.toMatch(/https?:|127\.0\.0\.1:\d|\/tmp\//)
  })

  test('says FAILED with the reason where the product looks', async () => {
    const { outcome, videoId } = ends.get(name)!
    const status = await fleet.stack.redisClient.get(`tenant:${tenantId}:video:${videoId}:status`)
    expect(JSON.parse(status!)).toEqual({ status: 'FAILED', error_reason: outcome.body.reason })
  })
})

test('no attempt was made twice', () => {
  expect(settledLines().map((line) => [line.outcome, line.attempt])).toEqual(
    Object.keys(expected).map(() => ['rejected', 1]),
  )
})

test('nothing is left in the bucket but the sources', async () => {
  const keys: string[] = []
  for await (const { key } of fleet.stack.storage.list('tenants/', fleet.signal)) keys.push(key)
  expect(keys.filter((key) => !key.includes('/video/raw/'))).toEqual([])
  expect(keys).toHaveLength(Object.keys(expected).length)
})

test('the queue, the dead-letter queue and the backlog are empty', async () => {
  expect(await fleet.stack.queueCounts()).toEqual({ waiting: 0, inFlight: 0, delayed: 0, dead: 0 })
  expect(await fleet.stack.backlog(tenantId)).toBe(0)
})

test('a profile that nobody has is the message’s fault', async () => {
  const fileKey = await fleet.stack.upload(join(fleet.dir, 'text.mp4'), { tenantId, name: 'a.mp4' })
  const jobId = await fleet.stack.sendJob({ tenantId, videoId: 99, fileKey, profile: 'cinema' })
  const outcome = await fleet.stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome).toMatchObject({ kind: 'fail', body: { code: 'profile_unknown' } })
  expect(outcome.body.reason).toContain('cinema')
})
