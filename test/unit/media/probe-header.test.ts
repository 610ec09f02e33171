import { describe, expect, test } from '@jest/globals'
import {
  chooseVideo,
  describePicture,
  type ProbeStream,
  parseHeader,
} from '../../../worker/media/probe-header.ts'
import { describeAudio, describeSubtitles } from '../../../worker/media/probe-tracks.ts'

const limits = { maxSeconds: 43_200, maxPixels: 8192 * 8192 }

function video(changes: Partial<ProbeStream> = {}): ProbeStream {
  return { index: 0, codec_type: 'video', codec_name: 'h264', width: 1920, height: 1080, ...changes }
}

function audio(changes: Partial<ProbeStream> = {}): ProbeStream {
  return {
    index: 1,
    codec_type: 'audio',
    codec_name: 'aac',
    channels: 2,
    sample_rate: '48000',
    start_time: '0.5',
    ...changes,
  }
}

describe('the video of a file', () => {
  test('is not its cover', () => {
    const cover = video({
      index: 0,
      codec_name: 'mjpeg',
      width: 3000,
      height: 3000,
      disposition: { attached_pic: 1, default: 1 },
    })
    expect(chooseVideo([cover, video({ index: 1 })], limits).index).toBe(1)
  })

  test('is the default one, else the largest', () => {
    const small = video({ index: 0, width: 320, height: 180 })
    const large = video({ index: 1 })
    expect(chooseVideo([small, large], limits).index).toBe(1)
    expect(chooseVideo([{ ...small, disposition: { default: 1 } }, large], limits).index).toBe(0)
  })

  test.each([
    ['only sound', [audio()], 'no_video'],
    ['nothing', [], 'no_video'],
    ['only a cover', [video({ disposition: { attached_pic: 1 } })], 'no_video'],
    [
      'a codec without a name',
      [video({ codec_name: undefined as unknown as string, codec_tag_string: 'vvc1' })],
      'codec_unsupported',
    ],
    ['a bomb', [video({ width: 12_000, height: 12_000 })], 'picture_too_large'],
    ['one pixel', [video({ width: 1, height: 1 })], 'picture_too_small'],
    ['a line', [video({ width: 16, height: 4000 })], 'picture_too_small'],
    [
      'a protected track',
      [video(), audio({ side_data_list: [{ side_data_type: 'Encryption initialization data' }] })],
      'input_encrypted',
    ],
    ['a FairPlay track', [video({ codec_tag_string: 'drmi' })], 'input_encrypted'],
  ] as const)('is refused: %s', (_, streams, code) => {
    expect(() => chooseVideo(streams, limits)).toThrow(expect.objectContaining({ code, kind: 'rejected' }))
  })

  test('a size that only decoding will tell is let through', () => {
    expect(chooseVideo([video({ width: 0, height: 0 })], limits).index).toBe(0)
  })
})

describe('the picture as shown', () => {
  test('is transformed by any matrix: one that mirrors has no angle', () => {
    expect(describePicture(video()).transformed).toBe(false)
    const mirror = { side_data_type: 'Display Matrix', displaymatrix: '65536 0 0 …', rotation: 0 }
    expect(describePicture(video({ side_data_list: [mirror] })).transformed).toBe(true)
    expect(describePicture(video({ tags: { rotate: '90' } })).transformed).toBe(true)
  })

  const matrix = (rotation: number) => ({ side_data_type: 'Display Matrix', rotation })

  test.each([
    ['plain', {}, '1920x1080', 0],
    ['turned right', { side_data_list: [matrix(-90)] }, '1080x1920', 90],
    ['turned left', { side_data_list: [matrix(90)] }, '1080x1920', 270],
    ['upside down', { side_data_list: [matrix(180)] }, '1920x1080', 180],
    [
      'turned, matrix behind other side data',
      { side_data_list: [{ side_data_type: 'DOVI configuration record', dv_profile: 8 }, matrix(-90)] },
      '1080x1920',
      90,
    ],
    ['turned by an old tag', { tags: { rotate: '90' } }, '1080x1920', 90],
    ['turned by a crooked angle', { side_data_list: [matrix(-7)] }, '1920x1080', 0],
    ['anamorphic', { width: 720, height: 576, sample_aspect_ratio: '64:45' }, '1024x576', 0],
    [
      'anamorphic and turned',
      { width: 720, height: 576, sample_aspect_ratio: '64:45', side_data_list: [matrix(-90)] },
      '576x1024',
      90,
    ],
    ['with an unknown shape of pixels', { sample_aspect_ratio: '0:1' }, '1920x1080', 0],
    ['with an absurd shape of pixels', { sample_aspect_ratio: '1000:1' }, '1920x1080', 0],
  ] as const)('%s', (_, changes, size, rotation) => {
    const picture = describePicture(video(changes as Partial<ProbeStream>))
    expect(`${picture.displayWidth}x${picture.displayHeight}`).toBe(size)
    expect(picture.rotation).toBe(rotation)
  })

  test('is HDR by its transfer function alone', () => {
    expect(describePicture(video({ color_transfer: 'smpte2084' })).dynamicRange).toBe('pq')
    expect(describePicture(video({ color_transfer: 'arib-std-b67' })).dynamicRange).toBe('hlg')
    expect(describePicture(video({ color_primaries: 'bt2020' })).dynamicRange).toBe('sdr')
  })
})

describe('tracks', () => {
  test('sound keeps language, order and exactly one default', () => {
    const { tracks, ignored } = describeAudio(
      [
        audio({ index: 1, tags: { language: 'eng', title: ' Main\n"mix" <b>' } }),
        audio({ index: 2, tags: { language: 'fre' }, disposition: { default: 1 } }),
        audio({ index: 3, tags: { language: 'zz!' }, disposition: { default: 1 } }),
        audio({ index: 4, codec_name: undefined as unknown as string }),
        audio({ index: 5, channels: 0 }),
      ],
      0.25,
    )
    expect(tracks.map(({ language }) => language)).toEqual(['en', 'fr', 'und'])
    expect(tracks.map(({ isDefault }) => isDefault)).toEqual([false, true, false])
    expect(tracks[0]).toMatchObject({ title: 'Main mix b', startOffset: 0.25 })
    expect(ignored).toBe(2)
  })

  test('more than eight of them are too many', () => {
    const streams = Array.from({ length: 20 }, (_, n) => audio({ index: n + 1 }))
    const { tracks, ignored } = describeAudio(streams, 0)
    expect([tracks.length, ignored]).toEqual([8, 12])
    expect(tracks[0]!.isDefault).toBe(true)
  })

  test('subtitles are listed', () => {
    expect(
      describeSubtitles([
        { index: 3, codec_type: 'subtitle', codec_name: 'mov_text', tags: { language: 'ger' } },
      ]),
    ).toEqual([{ index: 3, codec: 'mov_text', language: 'de', title: '' }])
  })
})

test('an answer that is no JSON is our problem, not that of the file', () => {
  expect(() => parseHeader('Segmentation fault')).toThrow(
    expect.objectContaining({ code: 'probe_failed', kind: 'failed' }),
  )
})
