import { describe, expect, test } from '@jest/globals'
import { planGrid } from '../../../worker/chunk/grid.ts'
import { passthroughObjection, planPassthrough } from '../../../worker/chunk/passthrough.ts'
import { conformingTrack } from '../../../worker/media/conform.ts'
import type { VideoFacts } from '../../../worker/media/facts.ts'
import { planLadder } from '../../../worker/media/ladder.ts'
import type { SampleIndex } from '../../../worker/media/mp4-index.ts'
import { defaultProfile } from '../../../worker/media/profile.ts'
import { factsOf } from './facts.ts'

const objectionTo = (video: Partial<VideoFacts>, demuxer = 'mov') => {
  const facts = factsOf(video, { demuxer })
  return passthroughObjection({ facts, ladder: planLadder(facts, defaultProfile) })
}
const untagged = { space: 'unknown', primaries: 'unknown', transfer: 'unknown', range: 'unknown' } as const

describe('a source may be copied when its header says that', () => {
  test('it is H.264 as every player takes it, of the size and rate of the top rendition', () => {
    expect(objectionTo({})).toBeUndefined()
    expect(objectionTo({ colour: untagged })).toBeUndefined()
  })

  test.each<[string, Partial<VideoFacts>]>([
    ['the codec is hevc', { codec: 'hevc' }],
    ['the H.264 profile is High 10', { profile: 'High 10' }],
    ['the pixel format is yuvj420p', { pixelFormat: 'yuvj420p' }],
    ['the pictures are interlaced', { interlaced: 'marked' }],
    ['the picture is turned by 90 degrees', { rotation: 90 }],
    ['the container moves the picture', { transformed: true }],
    ['the pixels are not square', { sampleAspect: { num: 4, den: 3 } }],
    ['the picture is 2560x1440, the rendition 1920x1080', { displayWidth: 2560, displayHeight: 1440 }],
    ['the frame rate is variable', { variableRate: true }],
    ['the frame rate is lowered', { rate: { num: 120, den: 1 } }],
    ['the dynamic range is hlg', { dynamicRange: 'hlg' }],
    ['the colour range is full', { colour: { ...untagged, range: 'pc' } }],
    ['the colour matrix is unknown', { displayWidth: 640, displayHeight: 480, colour: untagged }],
    ['the colour matrix is smpte170m', { colour: { ...untagged, space: 'smpte170m' } }],
  ])('else: %s', (reason, video) => {
    expect(objectionTo(video)).toBe(reason)
  })

  test('else: its container has no index', () => {
    expect(objectionTo({}, 'matroska')).toBe('the container (matroska) has no index of all pictures')
  })
})

/** Groups of pictures at 25 a second on a clock of 12800; every picture is decoded `lead` frames before its place. */
function indexOf(groups: number[], { lead = 2, bytes = 1000, level = 40 } = {}): SampleIndex {
  const total = groups.reduce((sum, length) => sum + length, 0)
  const frames = Array.from({ length: total }, (_, at) => at * 512)
  return {
    ...{ format: 'avc1', configuration: Buffer.from([1, 100, 0, level, 255, 225, 0, 0]), timescale: 12_800 },
    sizes: new Uint32Array(total).fill(bytes),
    shown: Float64Array.from(frames),
    decoded: Float64Array.from(frames, (ticks) => ticks - lead * 512),
    keys: groups.map((_, at) => groups.slice(0, at).reduce((sum, length) => sum + length, 0)),
  }
}
const rate = { num: 25, den: 1 }

describe('its index must hold closed groups on the frame grid', () => {
  test('each with its place, its bytes and its lead', () => {
    expect(conformingTrack(indexOf([50, 25]), rate)).toEqual({
      ...{
        keys: [0, 50].map((frame) => ({ frame, decodeLead: 1024 })),
        bytes: [50_000, 25_000],
        totalFrames: 75,
      },
    })
  })

  test('pictures may be decoded in another order than shown, within their group', () => {
    const index = indexOf([4, 4])
    index.shown.set([0, 3 * 512, 512, 2 * 512])
    expect(conformingTrack(index, rate)).toMatchObject({ totalFrames: 8 })
  })

  test.each<[string, (index: SampleIndex) => void]>([
    ['the first picture is no key frame', (index) => ((index.keys as number[])[0] = 1)],
    ['picture 7 is not on the frame grid', (index) => (index.shown[7]! += 200)],
    ['picture 7 is shown outside of its group, twice or not at all', (index) => (index.shown[7] = 6 * 512)],
    // An open group: two pictures after the key frame are shown before it.
    [
      'picture 51 is shown outside of its group, twice or not at all',
      (index) => (index.shown[51] = 49 * 512),
    ],
    ['the list of key frames is damaged', (index) => ((index.keys as number[])[1] = 0)],
  ])('else: %s', (reason, harm) => {
    const index = indexOf([50, 50])
    harm(index)
    expect(conformingTrack(index, rate)).toBe(reason)
  })

  test('else: key frames closer together than pictures are reordered', () => {
    expect(conformingTrack(indexOf([50, 2, 50], { lead: 3 }), rate)).toMatch(/closer together/)
  })

  test('else: a level that players refuse', () => {
    expect(conformingTrack(indexOf([50], { level: 62 }), rate)).toBe('its level is 6.2')
  })
})

describe('and be no larger than an encode would be', () => {
  const facts = factsOf({}, { seconds: 12 })
  const ladder = planLadder(facts, defaultProfile)
  const grid = planGrid({ rate, seconds: 12, segmentSeconds: 6, chunkSeconds: 120 })
  const plan = (index: SampleIndex, other = facts) => planPassthrough({ facts: other, ladder, grid, index })
  const groups = Array.from({ length: 12 }, () => 25)

  test('then its key frames are the grid', () => {
    expect(plan(indexOf(groups))).toMatchObject({ cuts: { segments: [0, 150] }, totalFrames: 300 })
  })

  test('the average is under the cap of the rung', () => {
    // 25 pictures of 40 kB a second.
    expect(plan(indexOf(groups, { bytes: 40_000 }))).toBe('it has 8000 kbit/s, the cap is 6000')
  })

  test('no segment passes what the cap and a full buffer allow', () => {
    const index = indexOf(groups, { bytes: 10_000 })
    index.sizes.fill(45_000, 150)
    expect(plan(index)).toBe('it has 9000 kbit/s at 6 s, the cap is 6000')
  })

  test('its level fits its size', () => {
    expect(plan(indexOf(groups, { level: 30 }))).toBe('its level is too low for its size')
  })

  test('nothing of it is hidden by an edit list', () => {
    expect(plan(indexOf(groups), factsOf({}, { seconds: 11 }))).toBe(
      'an edit list shows 11.00 s of its 300 pictures',
    )
  })
})
