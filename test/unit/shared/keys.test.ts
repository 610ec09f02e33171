import { describe, expect, test } from '@jest/globals'
import * as keys from '../../../shared/keys.ts'

describe('keys in the bucket', () => {
  const folder = keys.jobFolder(keys.jobRoot(7, 42), 'job-1')

  test('put each job into a folder of its own under its video', () => {
    expect(keys.jobRoot(7, 42)).toBe('tenants/7/video/hls/42/')
    expect(folder).toBe('tenants/7/video/hls/42/job-1/')
    expect(keys.jobFolder(keys.catalogueRoot('42'), 'job-1')).toBe('hls/42/job-1/')
    expect(keys.masterKey(folder)).toBe('tenants/7/video/hls/42/job-1/master.m3u8')
  })

  test('keep the ledger apart, sorted by chunk', () => {
    expect(keys.planKey(folder)).toBe(`${folder}.work/plan.json`)
    expect(keys.chunkKey(folder, 12)).toBe(`${folder}.work/chunk-00012.json`)
    expect(keys.chunkKey(folder, 2) < keys.chunkKey(folder, 10)).toBe(true)
  })

  test('name the poster of a catalogue video', () => {
    expect(keys.catalogueThumbnailKey('42', 'my-movie')).toBe('thumbnails/42_my-movie.jpg')
  })
})

test.each([
  ['a/master.m3u8', 'application/vnd.apple.mpegurl'],
  ['a/720p/seg-00000.m4s', 'video/mp4'],
  ['a/720p/init.mp4', 'video/mp4'],
  ['a/audio-eng/seg-00000.m4s', 'audio/mp4'],
  ['a/audio/init.mp4', 'audio/mp4'],
  ['audio-0/init.mp4', 'audio/mp4'],
  ['audio-lessons/720p/init.mp4', 'video/mp4'],
  ['a/seg.ts', 'video/mp2t'],
  ['a/poster.jpg', 'image/jpeg'],
  ['a/POSTER.JPG', 'image/jpeg'],
  ['a/storyboard.vtt', 'text/vtt'],
  ['a/.work/plan.json', 'application/json'],
  ['a/unknown', 'application/octet-stream'],
  ['a.mp4/unknown', 'application/octet-stream'],
])('%s is %s', (key, type) => {
  expect(keys.contentTypeOf(key)).toBe(type)
})

describe('Cache-Control', () => {
  const forEver = 'public, max-age=31536000, immutable'

  test.each([
    ['tenants/7/video/hls/42/job-1/720p/seg-00000.m4s', forEver],
    ['tenants/7/video/hls/42/job-1/poster.jpg', forEver],
    ['tenants/7/video/hls/42/job-1/storyboard.vtt', forEver],
    ['hls/42/job-1/720p/init.mp4', forEver],
    ['tenants/7/video/hls/42/job-1/master.m3u8', 'no-cache'],
    ['tenants/7/video/hls/42/job-1/720p/playlist.m3u8', 'no-cache'],
  ])('of %s is %s', (key, control) => {
    expect(keys.cacheControlOf(key)).toBe(control)
  })

  test('lets nothing be kept for ever that may be overwritten in place (lesson 38)', () => {
    const overwritten = [
      'thumbnails/42_my-movie.jpg',
      'tenants/7/video/hls/42/seg.ts',
      'tenants/7/video/hls/42/job-1/.work/chunk-00000.json',
      'hls/42/poster.jpg',
    ]
    for (const key of overwritten) expect([key, keys.cacheControlOf(key)]).toEqual([key, 'no-cache'])
  })
})

test('the names in Redis that the product reads are its own', () => {
  expect(keys.progressKey(7, 42)).toBe('tenant:7:video:42:progress')
  expect(keys.statusKey(7, 42)).toBe('tenant:7:video:42:status')
  expect(keys.heartbeatKey(7, 42)).toBe('tenant:7:video:42:heartbeat')
  expect(keys.cancelKey(7, 42)).toBe('tenant:7:video:42:cancel_requested')
  expect(keys.backlogKey(7)).toBe('tenant:7:video:backlog_count')
  expect(keys.interruptKey).toBe('video:asg:interrupt')
})

test('every other name in Redis is under our own prefix', () => {
  expect(keys.jobRecordKey('job-1')).toBe('video-worker:job:job-1')
  expect(keys.workerKey('i-1')).toBe('video-worker:worker:i-1')
  expect(keys.drainRequest('i-1')).toBe('video-worker:drain:i-1')
  expect(keys.drainAllRequest).toBe('video-worker:drain:all')
})
