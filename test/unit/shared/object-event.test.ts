import { describe, expect, test } from '@jest/globals'
import { parseMessage } from '../../../shared/messages.ts'

const options = { catalogKeyPrefix: 'videos/', bucket: 'bucket' }
const parse = (body: unknown, more = {}) => parseMessage(JSON.stringify(body), { ...options, ...more })

const record = (
  key: string,
  object: object = { eTag: 'tag', sequencer: '0055' },
  eventName = 'ObjectCreated:Put',
) => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  eventName,
  s3: { bucket: { name: 'bucket' }, object: { key, size: 1, ...object } },
})
const s3 = (key: string, object?: object) => ({ Records: [record(key, object)] })
const bridge = (
  key: string,
  object: object = { etag: 'tag', sequencer: '0055' },
  type = 'Object Created',
) => ({
  version: '0',
  'detail-type': type,
  source: 'aws.s3',
  detail: { version: '0', bucket: { name: 'bucket' }, object: { key, size: 1, ...object } },
})

describe('an object created', () => {
  test('becomes a catalogue job, told by S3 or by EventBridge', () => {
    const job = {
      kind: 'catalogue',
      jobId: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-5/),
      contentId: '42',
      slug: 'my-movie-title',
      title: 'My Movie Title',
      fileKey: 'videos/42_my-movie-title.mp4',
    }
    expect(parse(s3('videos/42_my-movie-title.mp4'))).toEqual(job)
    expect(parse(bridge('videos/42_my-movie-title.mp4'))).toEqual(job)
    expect(parse(s3('videos/42_my-movie-title.mp4'))).toEqual(parse(bridge('videos/42_my-movie-title.mp4')))
  })

  test('of S3 has its key coded like a form field, of EventBridge plain', () => {
    const key = 'videos/42_한국 영화+1 100%.mp4'
    const coded = encodeURIComponent(key).replaceAll('%20', '+')
    expect(parse(s3(coded))).toMatchObject({ fileKey: key })
    expect(parse(bridge(key))).toMatchObject({ fileKey: key })
  })

  test('is the same job on every delivery, another one for every upload', () => {
    const id = (object: object) => (parse(s3('videos/1_a.mp4', object)) as { jobId: string }).jobId
    expect(id({ sequencer: '1', eTag: 'a' })).toBe(id({ sequencer: '1', eTag: 'b' }))
    const uploads = [
      { sequencer: '1' },
      { sequencer: '2' },
      { eTag: 'a' },
      { eTag: 'b' },
      { versionId: 'x' },
      {},
    ]
    expect(new Set(uploads.map(id)).size).toBe(uploads.length)
  })

  test.each([
    ['videos/42_my-movie_title.mp4', '42', 'my-movie_title', 'My Movie Title'],
    ['videos/42_a_b.c.mkv', '42', 'a_b.c', 'A B.c'],
    ['videos/007_bond.mp4', '007', 'bond', 'Bond'],
    ['videos/42__x.mp4', '42', '_x', 'X'],
    ['videos/42_.mp4', '42', '42', '42'],
    ['videos/42.mp4', undefined, '42', '42'],
    ['videos/my-movie.mp4', undefined, 'my-movie', 'My Movie'],
    ['videos/a42_b.mp4', undefined, 'a42_b', 'A42 B'],
    ['videos/sub/42_b.mp4', '42', 'b', 'B'],
    ['videos/42_b', '42', 'b', 'B'],
    ['videos/---.mp4', undefined, '---', '---'],
    ['videos/.mp4', undefined, '.mp4', '.mp4'],
    ['videos/42_éclair 한국.mp4', '42', 'éclair 한국', 'Éclair 한국'],
  ])('%s is content %s, slug %s, title %s', (key, contentId, slug, title) => {
    const { contentId: id, ...parsed } = parse(bridge(key)) as { contentId?: string }
    expect({ id, ...parsed }).toMatchObject({ id: contentId, slug, title })
  })

  test('is told with the prefix of the bucket, which the job is not', () => {
    const prefixed = { r2Prefix: 'staging/' }
    expect(parse(s3('staging/videos/1_a.mp4'), prefixed)).toMatchObject({ fileKey: 'videos/1_a.mp4' })
    expect(parse(s3('videos/1_a.mp4'), prefixed)).toMatchObject({ kind: 'ignored' })
  })
})

describe('ignored is', () => {
  test('the test event of S3', () => {
    const event = {
      Service: 'Amazon S3',
      Event: 's3:TestEvent',
      Bucket: 'bucket',
      RequestId: '1',
      HostId: '2',
    }
    expect(parse(event)).toEqual({ kind: 'ignored', reason: 's3:TestEvent' })
  })

  test.each([
    'raw/42_a.mp4',
    'video/42_a.mp4',
    'tenants/7/video/raw/s/u.mp4',
    'videos',
    'videos/',
    'videos/sub/',
  ])('%s: not under the prefix, or a folder', (key) => {
    expect(parse(s3(key))).toMatchObject({ kind: 'ignored' })
  })

  test.each([
    'hls/42/job-1/master.m3u8',
    'thumbnails/42_a.jpg',
    'tenants/7/video/hls/42/job-1/720p/init.mp4',
  ])('%s: what a worker wrote, even where the prefix lets it in', (key) => {
    expect(parse(s3(key))).toMatchObject({ kind: 'ignored' })
    expect(parse(s3(key), { catalogKeyPrefix: '' })).toMatchObject({ kind: 'ignored' })
  })

  test.each(['videos/42_a.en.srt', 'videos/42_a.VTT'])('%s: subtitles beside a film', (key) => {
    expect(parse(s3(key))).toEqual({ kind: 'ignored', reason: `subtitles beside a film: "${key}"` })
  })

  test('an object that was removed or copied away', () => {
    const removed = { Records: [record('videos/1_a.mp4', {}, 'ObjectRemoved:Delete')] }
    expect(parse(removed)).toEqual({ kind: 'ignored', reason: 'not a creation: "ObjectRemoved:Delete"' })
    expect(parse(bridge('videos/1_a.mp4', {}, 'Object Deleted'))).toMatchObject({ kind: 'ignored' })
  })
})

describe('several objects in one notification', () => {
  test('are sent again one by one, so that none is lost and each is a job of its own', () => {
    const both = { Records: [record('videos/1_a.mp4'), record('videos/2_b.mp4')] }
    const parsed = parse(both)
    if (parsed.kind !== 'several') throw new Error(`expected several, got ${parsed.kind}`)
    const each = parsed.bodies.map((body) => parseMessage(body, options))
    expect(each).toEqual([parse(s3('videos/1_a.mp4')), parse(s3('videos/2_b.mp4'))])
  })

  test('are no longer together than the message that held them, and too many of them are poison', () => {
    const pad = 'x'.repeat(100_000)
    const parsed = parse({ Records: Array(1000).fill(0), pad })
    if (parsed.kind !== 'several') throw new Error(`expected several, got ${parsed.kind}`)
    expect(parsed.bodies.join('').length).toBeLessThan(pad.length)
    const reason = '70000 records, more than 1000'
    expect(parse({ Records: Array(70_000).fill(0), pad })).toEqual({ kind: 'poison', reason })
  })

  test('never come back as several, whatever they are', () => {
    const parsed = parse({ Records: [1, null, { Records: [1, 2] }, []] })
    if (parsed.kind !== 'several') throw new Error(`expected several, got ${parsed.kind}`)
    expect(parsed.bodies.map((body) => parseMessage(body, options).kind)).toEqual(Array(4).fill('poison'))
  })
})

describe('poison is', () => {
  const { s3: inner } = record('videos/1_a.mp4')

  test.each<[string, unknown, string]>([
    ['a list of no records', { Records: [] }, 'Records without an s3 event'],
    ['records that are no list', { Records: 'x' }, 'Records without an s3 event'],
    ['a record of another service', { Records: [{ eventSource: 'aws:ses' }] }, 'Records without an s3 event'],
    [
      'an event without object',
      { Records: [{ s3: { bucket: { name: 'bucket' } } }] },
      'without object or bucket',
    ],
    ['an event without key', { Records: [{ s3: { ...inner, object: {} } }] }, 'an event without a key'],
    ['a key wrongly coded', s3('videos/%E0%A4%A'), 'key is not URL-coded: "videos/%E0%A4%A"'],
    [
      'a key that goes up',
      s3('videos/%2E%2E/secret'),
      'key has empty, "." or ".." parts: "videos/../secret"',
    ],
    ['a key with a line break', s3('videos/a%0Ab'), 'key has control characters'],
    ['a key with an encoded nought', s3('videos/a%00b'), 'key has control characters'],
    [
      'an EventBridge event of nothing',
      { 'detail-type': 'Object Created' },
      'an event without object or bucket',
    ],
    [
      'an event of EC2',
      { 'detail-type': 'EC2 Instance State-change Notification', detail: {} },
      'an event without',
    ],
  ])('%s', (_name, body, reason) => {
    expect(parse(body)).toEqual({ kind: 'poison', reason: expect.stringContaining(reason) })
  })

  test('an event of another bucket, whose objects cannot be read', () => {
    expect(parse(s3('videos/1_a.mp4'), { bucket: 'other' })).toEqual({
      kind: 'poison',
      reason: 'event of another bucket: "bucket"',
    })
  })
})
