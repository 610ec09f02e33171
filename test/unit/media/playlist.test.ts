import { describe, expect, test } from '@jest/globals'
import {
  iframePlaylist,
  masterPlaylist,
  mediaPlaylist,
  type PlaylistSegment,
  storyboardVtt,
  targetDuration,
} from '../../../worker/media/playlist.ts'
import { averageRate, peakRate } from '../../../worker/media/rates.ts'

function segments(...rows: [seconds: number, bytes: number][]): PlaylistSegment[] {
  return rows.map(([seconds, bytes], n) => ({
    number: n,
    uri: `seg-${n}.m4s`,
    seconds,
    bytes,
    keyframe: { offset: 24, length: bytes / 10 },
  }))
}

describe('bit rates', () => {
  test('peak is over runs of half to one and a half target durations', () => {
    expect(peakRate(segments([6, 6000], [6, 12_000], [6, 6000]), 6)).toBe(16_000)
  })

  test('a short, dear last segment counts together with the one before it only', () => {
    const list = segments([6, 6000], [0.5, 5000])
    expect(peakRate(list, 6)).toBeCloseTo((11_000 * 8) / 6.5)
  })

  test('a video shorter than half a target is one run', () => {
    expect(peakRate(segments([0.2, 1000]), 6)).toBe(40_000)
    expect(averageRate(segments([0.2, 1000]))).toBe(40_000)
    expect(averageRate([])).toBe(0)
  })

  test('target duration is that of the longest segment, rounded, and at least one', () => {
    expect(targetDuration(segments([6.006, 1]), segments([5.9, 1], [6.4, 1]))).toBe(6)
    expect(targetDuration(segments([0.2, 1]))).toBe(1)
  })
})

describe('media playlists', () => {
  const list = segments([6.006, 1000], [1.5, 300])

  test('video or sound', () => {
    expect(mediaPlaylist(list, { target: 6, initUri: 'init.mp4' })).toBe(
      '#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n' +
        '#EXT-X-MAP:URI="init.mp4"\n#EXTINF:6.006000,\nseg-0.m4s\n#EXTINF:1.500000,\nseg-1.m4s\n#EXT-X-ENDLIST\n',
    )
  })

  test('key frames', () => {
    const text = iframePlaylist(list, { target: 6, initUri: 'init.mp4' })
    expect(text).toContain(
      '#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:6.006000,\n#EXT-X-BYTERANGE:100@24\nseg-0.m4s\n',
    )
  })
})

describe('the master', () => {
  const variant = (name: string, height: number, bytes: number) => ({
    ...{ name, uri: `${name}/index.m3u8`, iframesUri: `${name}/iframes.m3u8`, codec: 'avc1.64001f' },
    ...{
      width: (height * 16) / 9,
      height,
      rate: { num: 30_000, den: 1001 },
      segments: segments([6, bytes], [6, bytes]),
    },
  })
  const sound = (language: string, isDefault: boolean, bytes: number, name = language) => ({
    ...{ uri: `${language}/index.m3u8`, codec: 'mp4a.40.2', language, name, channels: 2, isDefault },
    segments: segments([6, bytes], [6, bytes]),
  })
  const master = {
    variants: [
      variant('1080p', 1080, 4_000_000),
      variant('720p', 720, 1_500_000),
      variant('360p', 360, 400_000),
    ],
    target: 6,
  }

  test('names rates, codecs, sizes, and begins with the variant nearest two megabits', () => {
    expect(masterPlaylist({ ...master, audio: [sound('en', true, 96_000)] })).toMatchSnapshot()
  })

  test('a variant with sound is as dear as with the dearest track', () => {
    const text = masterPlaylist({ ...master, audio: [sound('en', true, 60_000), sound('fr', false, 96_000)] })
    expect(text).toContain('BANDWIDTH=2128000,')
  })

  test('other codecs follow H.264, and say when they are HDR', () => {
    const hdr = { ...variant('1080p-hevc', 1080, 1_400_000), codec: 'hvc1.2.4.L120.90', range: 'pq' as const }
    const text = masterPlaylist({ variants: [hdr, ...master.variants], audio: [], target: 6 })
    expect(/#EXT-X-STREAM-INF:.*/.exec(text)?.[0]).toContain('avc1.64001f')
    const ranges = [...text.matchAll(/CODECS="(....).*VIDEO-RANGE=(\w+)/g)].map(([, codec, range]) => [
      codec,
      range,
    ])
    expect(ranges.filter(([codec]) => codec === 'hvc1')).toEqual(Array(2).fill(['hvc1', 'PQ']))
    expect(ranges.filter(([codec]) => codec === 'avc1')).toEqual(Array(6).fill(['avc1', 'SDR']))
  })

  test('without sound it has no audio group', () => {
    const text = masterPlaylist({ ...master, audio: [] })
    expect(text).not.toMatch(/AUDIO|mp4a/)
  })

  test('titles cannot break out of their quotes', () => {
    const text = masterPlaylist({ ...master, audio: [sound('en', true, 1, 'a",URI="http://evil/\n#EXT')] })
    expect(text).toContain('NAME="a ,URI= http://evil/ #EXT"')
    expect(text.split('\n').filter((line) => line.startsWith('#EXT-X-MEDIA'))).toHaveLength(1)
  })
})

test('the storyboard index names places on sheets', () => {
  const cues = [0, 10, 20, 30, 40].map((start) => ({ start, end: start + 10 }))
  const text = storyboardVtt([{ uri: 's.jpg', cues, columns: 4, width: 192, height: 108 }])
  expect(text).toMatch(/^WEBVTT\n\n00:00:00\.000 --> 00:00:10\.000\ns\.jpg#xywh=0,0,192,108\n/)
  expect(text).toContain('00:00:40.000 --> 00:00:50.000\ns.jpg#xywh=0,108,192,108\n')
})

describe('segments that are ranges of one object', () => {
  const ranges = segments([6, 1000], [6, 500]).map((segment, at) => ({
    ...segment,
    ...{ uri: 'chunk-00000.m4s', offset: at * 1000 },
  }))

  test('say where they begin and how long they are', () => {
    expect(mediaPlaylist(ranges, { target: 6, initUri: 'init.mp4' }).split('\n').slice(6, 12)).toEqual([
      ...['#EXTINF:6.000000,', '#EXT-X-BYTERANGE:1000@0', 'chunk-00000.m4s'],
      ...['#EXTINF:6.000000,', '#EXT-X-BYTERANGE:500@1000', 'chunk-00000.m4s'],
    ])
  })

  test('have their key frames counted from the start of the object', () => {
    const text = iframePlaylist(ranges, { target: 6, initUri: 'init.mp4' })
    expect(text.match(/BYTERANGE:.*/g)).toEqual(['BYTERANGE:100@24', 'BYTERANGE:50@1024'])
  })
})
