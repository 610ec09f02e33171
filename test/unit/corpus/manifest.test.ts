import { describe, expect, test } from '@jest/globals'
import { baitOf } from '../../corpus/canaries.ts'
import { parseManifest } from '../../corpus/manifest.ts'
import { bestOf } from '../../corpus/measure.ts'

describe('a manifest', () => {
  test('says what each file must come to', () => {
    const text = JSON.stringify([
      {
        ...{ file: 'a.mov', expect: 'ok', upload_name: 'IMG.MOV', facts: { vfr: true }, tags: ['hdr'] },
        want: { display_size: '1080x1920', video_s: 2.5, has_audio: false, frames_decoded: 60 },
      },
      { file: 'gen-evil-x.mp4', expect: 'reject' },
    ])
    const other = { uploadName: 'gen-evil-x.mp4', want: {}, variableRate: false, evil: true }
    expect(parseManifest(text)).toEqual([
      {
        ...{ file: 'a.mov', expect: 'ok', uploadName: 'IMG.MOV', variableRate: true, evil: false },
        want: { displaySize: '1080x1920', seconds: 2.5, audio: false, frames: 60 },
      },
      { file: 'gen-evil-x.mp4', expect: 'reject', ...other },
    ])
  })

  test.each([
    ['{}', /not a list/],
    ['[3]', /entry 1 is not an object/],
    ['[{"file": "../../secret", "expect": "ok"}]', /must be a name in the folder/],
    ['[{"file": "a", "expect": "maybe"}]', /must be ok, reject or either/],
    ['[{"file": "a", "expect": "ok", "want": {"video_s": "long"}}]', /a: want.video_s is "long"/],
  ])('that is none is named: %s', (text, problem) => {
    expect(() => parseManifest(text)).toThrow(problem)
  })
})

test('what a hostile file points at is watched', () => {
  expect(baitOf('ffconcat version 1.0\nfile neighbour.mp4\n')).toEqual({
    names: ['neighbour.mp4'],
    ports: [],
  })
  expect(baitOf('#EXTM3U\nhttp://127.0.0.1:18099/a.ts\nhttp://localhost:18099/b.ts')).toEqual({
    names: [],
    ports: [18099],
  })
})

test('the best rendition and the sound are found in a master playlist', () => {
  const master = [
    '#EXTM3U',
    '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",URI="subs/index.m3u8"',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="audio-0/index.m3u8"',
    '#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360',
    '360p/index.m3u8',
    '#EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=1280x720,FRAME-RATE=25.000',
    '720p/index.m3u8',
    '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,RESOLUTION=1920x1080,URI="iframes.m3u8"',
  ].join('\n')
  expect(bestOf(master)).toEqual({ video: '720p/index.m3u8', audio: 'audio-0/index.m3u8' })
})
