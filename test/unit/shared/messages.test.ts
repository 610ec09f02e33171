import { describe, expect, test } from '@jest/globals'
import { parseMessage } from '../../../shared/messages.ts'

const options = { catalogKeyPrefix: 'videos/', bucket: 'bucket' }
const parse = (body: unknown) => parseMessage(JSON.stringify(body), options)
const reasonOf = (body: unknown) => {
  const parsed = parse(body)
  return parsed.kind === 'poison' ? parsed.reason : `not poison: ${JSON.stringify(parsed)}`
}
const jobIdOf = (body: unknown) => {
  const parsed = parse(body)
  return 'jobId' in parsed ? parsed.jobId : parsed
}

const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e'
const v3 = { job_id: uuid, video_id: 42, tenant_id: 7, file_key: 'tenants/7/video/raw/s/u.mp4' }
const { job_id: _, ...rest } = v3
const v2 = { ...rest, tenant_code: 'acme', created_at: '2026-02-11T09:30:00+09:00', attempt: 1 }

describe('a transcode message', () => {
  test('of version 3 is read', () => {
    expect(parse(v3)).toEqual({
      kind: 'transcode',
      jobId: uuid,
      videoId: 42,
      tenantId: 7,
      fileKey: 'tenants/7/video/raw/s/u.mp4',
      version: 3,
    })
  })

  test('may carry a profile, a time and fields that nobody knows', () => {
    const more = {
      ...v3,
      profile: 'lecture',
      created_at: 1_770_769_800,
      tenant_code: 'acme',
      priority: 3,
      new: {},
    }
    expect(parse(more)).toMatchObject({ profile: 'lecture', createdAt: '2026-02-11T00:30:00.000Z' })
  })

  test('takes numbers that were sent as digits', () => {
    expect(parse({ ...v3, video_id: '42', tenant_id: '7' })).toEqual(parse(v3))
  })

  test('takes an empty or null profile as none', () => {
    expect(parse({ ...v3, profile: '' })).toEqual(parse(v3))
    expect(parse({ ...v3, profile: null, created_at: null })).toEqual(parse(v3))
  })

  test('has one job id however its UUID is written', () => {
    expect(jobIdOf({ ...v3, job_id: uuid.toUpperCase() })).toBe(uuid)
  })

  test('of version 2 gets a job id from tenant, video and created_at alone: every redelivery is the same job', () => {
    const id = jobIdOf(v2)
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(jobIdOf({ ...v2, attempt: 2, tenant_code: 'other', file_key: 'tenants/7/x.mp4' })).toBe(id)
    expect(jobIdOf({ ...v2, job_id: null })).toBe(id)
    const others = [{ tenant_id: 8, file_key: 'tenants/8/x' }, { video_id: 43 }, { created_at: 1 }]
    expect(new Set(others.map((other) => jobIdOf({ ...v2, ...other })).concat(id)).size).toBe(4)
    expect(parse(v2)).toMatchObject({ version: 2, createdAt: '2026-02-11T00:30:00.000Z' })
  })

  test('keeps the derived ids of today for ever: jobs under way are known by them', () => {
    expect(jobIdOf(v2)).toBe('bd290170-b0fc-5199-8c27-3d1f2d186e59')
  })

  test('of version 2 without created_at is told apart by its file', () => {
    const { created_at: _, ...undated } = v2
    expect(jobIdOf(undated)).toBe(jobIdOf({ ...undated, attempt: 2 }))
    expect(jobIdOf(undated)).not.toBe(jobIdOf({ ...undated, file_key: 'tenants/7/other.mp4' }))
  })

  test.each(['yesterday', '', '2026-13-45', 1e300, -1, Number.MAX_SAFE_INTEGER, true, {}, [], '٣'])(
    'is never refused for its created_at: %j (lesson 11)',
    (createdAt) => {
      expect(parse({ ...v3, created_at: createdAt })).toMatchObject({ kind: 'transcode', jobId: uuid })
      expect(parse({ ...v2, created_at: createdAt })).toMatchObject({ kind: 'transcode', version: 2 })
    },
  )

  test.each([
    ['2026-02-11T09:30:00+09:00', '2026-02-11T00:30:00.000Z'],
    ['2026-02-11T00:30:00.123456Z', '2026-02-11T00:30:00.123Z'],
    [1_770_769_800, '2026-02-11T00:30:00.000Z'],
    [1_770_769_800.5, '2026-02-11T00:30:00.500Z'],
    ['1770769800', '2026-02-11T00:30:00.000Z'],
    [1_770_769_800_000, '2026-02-11T00:30:00.000Z'],
  ])('reads created_at %j as %s', (createdAt, iso) => {
    expect(parse({ ...v3, created_at: createdAt })).toMatchObject({ createdAt: iso })
  })
})

describe('poison has a reason that names it (lesson 8):', () => {
  const deep = '['.repeat(50_000) + ']'.repeat(50_000)

  test.each([
    ['connection_test', 'not JSON: "connection_test"'],
    ['', 'empty body'],
    ['{"job_id": ', 'not JSON: "{\\"job_id\\": "'],
    ['"connection_test"', 'not a JSON object: "connection_test"'],
    ['null', 'not a JSON object: null'],
    ['42', 'not a JSON object: 42'],
    ['[{}]', 'not a JSON object: [{}]'],
    ['{}', 'not a known message: []'],
    ['{"test": true}', 'not a known message: ["test"]'],
  ])('the body %s', (body, reason) => {
    expect(parseMessage(body, options)).toEqual({ kind: 'poison', reason })
  })

  test('a body nested beyond measure', () => {
    expect(parseMessage(deep, options).kind).toBe('poison')
  })

  test.each<[string, object, string]>([
    ['version 1', { tenant_id: undefined }, 'no tenant_id (a message of version 1)'],
    ['a tenant that is null', { tenant_id: null }, 'tenant_id is missing'],
    ['a video that is missing', { video_id: undefined }, 'video_id is missing'],
    ['a video that is true', { video_id: true }, 'video_id is not a positive whole number: true'],
    ['a fraction', { video_id: 4.5 }, 'video_id is not a positive whole number: 4.5'],
    ['a negative number', { video_id: -4 }, 'video_id is not a positive whole number: -4'],
    ['nought', { video_id: 0 }, 'video_id is not a positive whole number: 0'],
    [
      'a number too large',
      { video_id: 2 ** 53 },
      'video_id is not a positive whole number: 9007199254740992',
    ],
    ['digits too large', { video_id: '9007199254740993' }, 'not a positive whole number: "9007199254740993"'],
    ['digits with a space', { video_id: ' 4' }, 'video_id is not a positive whole number: " 4"'],
    ['a list', { tenant_id: [7] }, 'tenant_id is not a positive whole number: [7]'],
    ['a job id that is no UUID', { job_id: 'job-1' }, 'job_id is not a UUID: "job-1"'],
    ['an empty job id', { job_id: '' }, 'job_id is not a UUID: ""'],
    ['a job id that is a number', { job_id: 5 }, 'job_id is not a UUID: 5'],
    ['a missing file', { file_key: undefined }, 'file_key is missing'],
    ['an empty file', { file_key: '' }, 'file_key is missing'],
    ['a file that is a number', { file_key: 5 }, 'file_key is not a text: 5'],
    [
      'another tenant',
      { file_key: 'tenants/8/x.mp4' },
      'file_key is not under tenants/7/: "tenants/8/x.mp4"',
    ],
    [
      'a longer tenant',
      { file_key: 'tenants/77/x.mp4' },
      'file_key is not under tenants/7/: "tenants/77/x.mp4"',
    ],
    ['no tenant', { file_key: 'x.mp4' }, 'file_key is not under tenants/7/: "x.mp4"'],
    ['a leading slash', { file_key: '/tenants/7/x.mp4' }, 'has empty, "." or ".." parts: "/tenants/7/x.mp4"'],
    ['a way up', { file_key: 'tenants/7/../8/x' }, 'has empty, "." or ".." parts: "tenants/7/../8/x"'],
    ['an empty part', { file_key: 'tenants/7//x' }, 'has empty, "." or ".." parts: "tenants/7//x"'],
    ['a folder', { file_key: 'tenants/7/raw/' }, 'file_key is a folder: "tenants/7/raw/"'],
    [
      'a line break',
      { file_key: 'tenants/7/a\nb' },
      'control characters or broken Unicode: "tenants/7/a\\nb"',
    ],
    ['half a character', { file_key: 'tenants/7/\ud800' }, 'control characters or broken Unicode'],
    [
      'a key beyond 1024 bytes',
      { file_key: `tenants/7/${'한'.repeat(340)}` },
      'file_key is longer than 1024 bytes',
    ],
    ['a profile that is a number', { profile: 5 }, 'profile is not a text: 5'],
    ['an unknown action', { action: 'reencode' }, 'unknown action "reencode"'],
    ['an unknown kind', { kind: 'dance' }, 'unknown kind "dance"'],
    ['an unknown version', { version: 4 }, 'unknown version 4'],
  ])('%s', (_name, change, reason) => {
    expect(reasonOf({ ...v3, ...change })).toContain(reason)
  })

  test('a key with two dots inside a name is none', () => {
    expect(parse({ ...v3, file_key: 'tenants/7/lecture..final.mp4' }).kind).toBe('transcode')
  })
})

describe('a delete message', () => {
  const message = {
    action: 'delete_r2',
    tenant_id: 7,
    video_id: 42,
    file_key: 'tenants/7/video/raw/s/u.mp4',
    hls_prefix: 'tenants/7/video/hls/42/',
    created_at: '2026-02-11T09:30:00Z',
  }

  test('is read, with or without the final slash', () => {
    const parsed = parse(message)
    expect(parsed).toEqual({
      kind: 'delete',
      jobId: expect.stringMatching(/^[\da-f-]{36}$/),
      tenantId: 7,
      videoId: 42,
      fileKey: 'tenants/7/video/raw/s/u.mp4',
      hlsPrefix: 'tenants/7/video/hls/42/',
    })
    expect(parse({ ...message, hls_prefix: 'tenants/7/video/hls/42' })).toEqual(parsed)
  })

  test('may have no raw object', () => {
    expect(parse({ ...message, file_key: '' })).toMatchObject({ kind: 'delete', fileKey: '' })
    expect(parse({ ...message, file_key: null })).toMatchObject({ kind: 'delete', fileKey: '' })
  })

  test('may name one version of the video', () => {
    const version = 'tenants/7/video/hls/42/job-1'
    expect(parse({ ...message, hls_prefix: version })).toMatchObject({ hlsPrefix: `${version}/` })
  })

  test('is the same job on redelivery, another one when it is sent anew', () => {
    expect(jobIdOf(message)).toBe(jobIdOf({ ...message }))
    expect(jobIdOf(message)).not.toBe(jobIdOf({ ...message, created_at: '2026-02-12T09:30:00Z' }))
    expect(jobIdOf(message)).not.toBe(jobIdOf(v2))
  })

  test.each<[unknown, string]>([
    ['tenants/7/video/hls/4', 'a video whose number begins alike'],
    ['tenants/7/video/hls/421', 'a video whose number begins with it'],
    ['tenants/8/video/hls/42/', 'another tenant'],
    ['tenants/7/video/hls/', 'every video of the tenant'],
    ['tenants/7/', 'everything of the tenant'],
    ['', 'everything'],
    ['/', 'everything'],
    ['tenants/7/video/hls/42/../43/', 'a way out'],
    ['tenants/7/video/hls/42//', 'an empty part'],
    ['tenants/7/video/raw/', 'the raw files'],
    [null, 'nothing'],
    [42, 'a number'],
  ])('is refused for the prefix %j: %s', (prefix) => {
    expect(parse({ ...message, hls_prefix: prefix })).toMatchObject({ kind: 'poison' })
  })

  test('is refused for a raw object of another tenant', () => {
    expect(reasonOf({ ...message, file_key: 'tenants/8/x.mp4' })).toContain('not under tenants/7/')
  })
})
