import { describe, expect, test } from '@jest/globals'
import { parseOptions, titlesOf } from '../../local/options.ts'
import { parseMaster } from '../../local/summary.ts'
import { createSpeedMeter } from '../../local/watch.ts'

describe('the command line of npm run local', () => {
  test('without arguments is one worker, a sample, and a page that stays', () => {
    expect(parseOptions([])).toEqual({ files: [], once: false, workers: 1, keep: undefined, port: 0 })
  })

  test('takes files between its options', () => {
    const options = parseOptions(['a.mp4', '--once', '--workers', '2', 'b.mov', '--keep=out'])
    expect(options).toEqual({ files: ['a.mp4', 'b.mov'], once: true, workers: 2, keep: 'out', port: 0 })
  })

  test('starts no worker when its environment is for another', () => {
    expect(parseOptions(['--env', 'worker.env'])).toMatchObject({ workers: 0, env: 'worker.env' })
  })

  test.each([['--workers', '0'], ['--workers', 'many'], ['--port', '70000'], ['--unknown']])(
    'refuses %s %s with a sentence',
    (...args) => {
      expect(() => parseOptions(args.filter((each) => each !== undefined))).toThrow(/--/)
    },
  )

  test('tells files of the same name apart', () => {
    expect(titlesOf(['a/x.mp4', 'b/x.mp4', 'y.mp4'])).toEqual(['x.mp4', 'x.mp4 (2)', 'y.mp4'])
  })
})

describe('the speed', () => {
  test('is seconds of video a second over what was seen', () => {
    const meter = createSpeedMeter()
    expect(meter(0, 0)).toBeUndefined()
    expect(meter(6, 2000)).toBe(3)
  })

  test('follows the last seconds, so that a slow start is forgotten', () => {
    const meter = createSpeedMeter()
    meter(0, 0)
    for (let second = 10; second <= 30; second++) meter((second - 9) * 4, second * 1000)
    expect(meter(88, 31_000)).toBeCloseTo(4)
  })
})

test('the summary reads sizes and rates of the renditions from the master playlist and the bucket', () => {
  const master = [
    '#EXTM3U',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Sound",URI="audio/index.m3u8"',
    '#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=640x360',
    '360p/index.m3u8',
    '#EXT-X-STREAM-INF:BANDWIDTH=5000000,AVERAGE-BANDWIDTH=4000000,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1080x1920',
    '1080p/index.m3u8',
  ].join('\n')
  const object = (key: string, bytes: number) => ({ key, bytes, etag: '', modified: 0 })
  const objects = [object('job/1080p/a.m4s', 40), object('job/1080p/b.m4s', 2), object('job/360p/a.m4s', 7)]
  expect(parseMaster(master, 'job/', objects)).toMatchObject([
    { name: '1080p', size: '1080x1920', codecs: 'avc1.640028', average: 4_000_000, bytes: 42 },
    { name: '360p', bytes: 7 },
  ])
})
