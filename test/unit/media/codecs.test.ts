import { describe, expect, test } from '@jest/globals'
import { planGrid } from '../../../worker/chunk/grid.ts'
import { videoChunkArgs } from '../../../worker/media/args-video.ts'
import { av1Codec, hevcCodec } from '../../../worker/media/codec-strings.ts'
import type { VideoFacts } from '../../../worker/media/facts.ts'
import { beginsClean } from '../../../worker/media/first-picture.ts'
import { readFrameHdr10, readHdr10 } from '../../../worker/media/hdr10.ts'
import { outputRate, planLadder } from '../../../worker/media/ladder.ts'
import { loadProfiles } from '../../../worker/media/profile.ts'
import { factsOf } from './facts.ts'

/** A profile of one's own, as a file has it. */
const profileOf = (wishes: object) => loadProfiles(JSON.stringify({ own: wishes })).get('own')!

function ladderOf(wishes: object, video: Partial<VideoFacts> = {}): string[] {
  const ladder = planLadder(factsOf(video), profileOf(wishes))
  return ladder.map(({ name, width, height, everyNth, maxrateKbps }) =>
    [name, `${width}x${height}`, `1/${everyNth}`, maxrateKbps].join(' '),
  )
}

function commandOf(wishes: object, video: Partial<VideoFacts> = {}): string[] {
  const [facts, profile] = [factsOf(video), profileOf(wishes)]
  const rate = outputRate(facts, profile)
  const grid = planGrid({ rate, seconds: 60, segmentSeconds: 6, chunkSeconds: 30 })
  const ladder = planLadder(facts, profile)
  return videoChunkArgs({
    ...{ url: 'http://127.0.0.1/x', facts, threads: 2, maxPixels: 1000, ladder, grid, profile },
    ...{ chunk: grid.chunks[1]!, outDir: '/scratch' },
  })
}

const small = { displayWidth: 640, displayHeight: 360 }

describe('another codec by profile', () => {
  test('stands behind H.264, which remains, in all of its sizes', () => {
    expect(ladderOf({ hevc: {} }, small)).toEqual([
      ...['360p 640x360 1/1 900', '216p 384x216 1/1 418'],
      ...['360p-hevc 640x360 1/1 600', '216p-hevc 384x216 1/1 279'],
    ])
  })

  test('may be larger than H.264, and shows half the pictures where H.264 does', () => {
    const rungs = [2160, 480].map((shortSide) => ({ shortSide, crf: 30, maxrateKbps: 9000 }))
    const film = { displayWidth: 3840, displayHeight: 2160, rate: { num: 60, den: 1 } }
    const ladder = ladderOf({ hevc: { rungs } }, film)
    expect(ladder.slice(-2)).toEqual(['2160p-hevc 3840x2160 1/1 12600', '480p-hevc 854x480 1/2 9000'])
    expect(ladder).toHaveLength(6)
  })

  test('HEVC is encoded by x265 with key frames on the same grid', () => {
    const args = commandOf({ hevc: { preset: 'slow' } }, small)
    const at = args.indexOf('libx265')
    expect(args.slice(at - 1, args.indexOf('-f', at)).join('\n')).toMatchSnapshot()
  })

  test('takes its pictures where H.264 takes those of the same size, and others where they fit in', () => {
    const graph = (wishes: object) => {
      const args = commandOf(wishes, small)
      const chains = args[args.indexOf('-filter_complex') + 1]!.split(';')
      return chains.flatMap((chain) => /^\[.*(split|null|zscale=\d+:\d+).*$/.exec(chain) ?? [])
    }
    expect(graph({ hevc: {} }).filter((text) => text.startsWith('['))).toMatchSnapshot()
    const rungs = [360, 240, 144].map((shortSide) => ({ shortSide, crf: 30, maxrateKbps: 900 }))
    expect(graph({ hevc: { rungs } }).filter((text) => text.startsWith('['))).toMatchSnapshot()
  })

  test('AV1 goes the same way, where its encoder can: sides of 64 pixels, key frames at even distances', () => {
    expect(ladderOf({ av1: {} }, small).slice(2)).toEqual([
      '360p-av1 640x360 1/1 500',
      '216p-av1 384x216 1/1 232',
    ])
    expect(ladderOf({ av1: {} }, { displayWidth: 120, displayHeight: 62 })).toEqual(['62p 120x62 1/1 100'])
    const args = commandOf({ av1: { preset: 6 } }, small)
    const at = args.indexOf('libsvtav1')
    expect(args.slice(at - 1, args.indexOf('-f', at)).join('\n')).toMatchSnapshot()
  })

  test('HDR stays HDR in HEVC where the profile says so, and H.264 is SDR', () => {
    const hdr10 = { masterDisplay: 'G(1,2)B(3,4)R(5,6)WP(7,8)L(9,0)', maxCll: '1000,400' }
    const film = { ...small, dynamicRange: 'pq', pixelFormat: 'yuv420p10le', hdr10 } as const
    const args = commandOf({ hevc: { hdr: 'keep' }, av1: {} }, film)
    const at = args.indexOf('libx265')
    expect(args[args.indexOf('-filter_complex') + 1]!.split(';')).toMatchSnapshot()
    expect(args.slice(at - 1, args.indexOf('-f', at)).join('\n')).toMatchSnapshot()
    expect(args.filter((word) => word === 'bt2020nc')).toHaveLength(2)
    const told = (wishes: object, video: Partial<VideoFacts>) => commandOf(wishes, video).join(' ')
    // Static metadata belongs to PQ; SDR, and HLG that is to become SDR, are as ever.
    const hlg = told({ hevc: { hdr: 'keep' } }, { ...film, dynamicRange: 'hlg' })
    expect(hlg).toContain('-color_trc arib-std-b67')
    expect(hlg).not.toContain('master-display')
    for (const [wishes, video] of [
      [{ hevc: { hdr: 'keep' } }, { ...film, dynamicRange: 'sdr' }],
      [{ hevc: {} }, film],
    ] as const)
      expect(told(wishes, video)).not.toMatch(/yuv420p10le|-color_trc (?!bt709)|main10/)
  })

  test.each([
    [{ hevc: { hdr: 'yes' } }, 'own.hevc.hdr: one of tonemap, keep'],
    [{ av1: { hdr: 'keep' } }, 'own.av1.hdr: unknown'],
    [{ av1: { preset: 'fast' } }, 'own.av1.preset: must be a number from 2 to 13'],
    [{ av1: { rungs: [{ shortSide: 360, crf: 64, maxrateKbps: 500 }] } }, 'must be a number from 0 to 63'],
    [{ av1: {}, layout: 'academy' }, 'own.av1: the layout academy has H.264 alone'],
    [{ hevc: 'yes' }, 'own.hevc: must be an object'],
    [{ hevc: { colour: 1 } }, 'own.hevc.colour: unknown'],
    [{ hevc: { preset: 'warp' } }, 'own.hevc.preset: one of ultrafast'],
    [{ hevc: { rungs: [] } }, 'own.hevc.rungs: must be a list'],
    [{ hevc: {}, layout: 'academy' }, 'own.hevc: the layout academy has H.264 alone'],
  ])('%j is refused', (wishes, words) => {
    expect(() => profileOf(wishes)).toThrow(words)
  })
})

describe('CODECS of HEVC', () => {
  /** hvcC up to the level: version, space, tier and profile, compatible profiles, constraints, level. */
  const box = (first: number, compatible: number[], constraints: number[], level: number) =>
    Buffer.from([1, first, ...compatible, ...constraints, level, 0xf0])

  test.each([
    ['hvc1.1.6.L93.90', box(0x01, [0x60, 0, 0, 0], [0x90, 0, 0, 0, 0, 0], 93)],
    ['hvc1.2.4.L153.B0', box(0x02, [0x20, 0, 0, 0], [0xb0, 0, 0, 0, 0, 0], 153)],
    ['hvc1.A4.40000010.H120.B0.23', box(0x64, [0x08, 0, 0, 0x02], [0xb0, 0x23, 0, 0, 0, 0], 120)],
    ['hvc1.1.6.L60', box(0x01, [0x60, 0, 0, 0], [0, 0, 0, 0, 0, 0], 60)],
  ])('%s', (codec, hvcC) => expect(hevcCodec(hvcC)).toBe(codec))
})

describe('static metadata of HDR10', () => {
  const place = (x: number, y: number, name: string) => ({
    [`${name}_x`]: `${x}/50000`,
    [`${name}_y`]: `${y}/50000`,
  })
  const master = {
    side_data_type: 'Mastering display metadata',
    ...{ ...place(34_000, 16_000, 'red'), ...place(13_250, 34_500, 'green'), ...place(7500, 3000, 'blue') },
    ...{
      ...place(15_635, 16_450, 'white_point'),
      min_luminance: '50/10000',
      max_luminance: '10000000/10000',
    },
  }
  const light = { side_data_type: 'Content light level metadata', max_content: 1000, max_average: 400 }
  const masterDisplay = 'G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)'

  test('is read from the stream, or from a picture, in the units of x265', () => {
    expect(readHdr10([{ side_data_type: 'Display Matrix' }, master, light])).toEqual({
      ...{ masterDisplay, maxCll: '1000,400' },
    })
    expect(readHdr10([light])).toEqual({ maxCll: '1000,400' })
    const frames = JSON.stringify({ frames: [{}, { side_data_list: [master] }] })
    expect(readFrameHdr10(frames)).toEqual({ masterDisplay })
  })

  test('is left out when it is not all there, or no number that can be written', () => {
    for (const change of [
      { red_x: undefined },
      { red_x: '1/0' },
      { blue_y: '9/1' },
      { max_luminance: ':crf=0' },
    ])
      expect(readHdr10([{ ...master, ...change }])).toBeUndefined()
    for (const change of [{ max_content: 70_000 }, { max_average: -1 }, { max_average: 'x:crf=0' }])
      expect(readHdr10([{ ...light, ...change }])).toBeUndefined()
    for (const text of ['', '[]', '{"frames":3}', '{"frames":[{"side_data_list":[null]}]}'])
      expect(readFrameHdr10(text)).toBeUndefined()
    expect(readHdr10(undefined)).toBeUndefined()
  })
})

test.each([
  ['av01.0.04M.08', [0x81, 0x04, 0x0c, 0]],
  ['av01.0.13H.10', [0x81, 0x0d, 0xc0, 0]],
  ['av01.1.00M.08', [0x81, 0x20, 0x00, 0]],
])('CODECS of AV1: %s', (codec, av1C) => expect(av1Codec(Buffer.from(av1C))).toBe(codec))

test('a picture begins a segment when all of its slices are those of an IDR picture', () => {
  const units = (...types: number[]) => Buffer.concat(types.map((type) => Buffer.from([0, 0, 0, 2, type, 0])))
  // H.264: SEI and IDR; a slice that leans on others; none at all; cut off.
  expect(beginsClean(units(0x06, 0x65, 0x65), 'avc1.64001f')).toBe(true)
  expect(beginsClean(units(0x65, 0x41), 'avc1.64001f')).toBe(false)
  expect(beginsClean(units(0x06), 'avc1.64001f')).toBe(false)
  expect(beginsClean(units(0x65).subarray(0, 5), 'avc1.64001f')).toBe(false)
  // HEVC: IDR with and without leading pictures that can be decoded; CRA.
  for (const type of [19, 20]) expect(beginsClean(units(39 << 1, type << 1), 'hvc1.1')).toBe(true)
  expect(beginsClean(units(21 << 1), 'hvc1.1')).toBe(false)
  // AV1: delimiter, sequence header, frame; the frame's first bits: shown before, type, shown.
  const obus = (first: number) => Buffer.from([0x12, 0, 0x0a, 1, 0, 0x32, 1, first])
  expect(beginsClean(obus(0x10), 'av01.0')).toBe(true)
  // Not shown; a frame between others; one that was decoded before.
  for (const first of [0x00, 0x30, 0x80]) expect(beginsClean(obus(first), 'av01.0')).toBe(false)
  expect(beginsClean(Buffer.from([0x12, 0]), 'av01.0')).toBe(false)
  // A size of two bytes, and none at the end; an extension.
  const long = Buffer.concat([
    Buffer.from([0x0a, 0x80, 0x01]),
    Buffer.alloc(128),
    Buffer.from([0x36, 8, 1, 0x10]),
  ])
  expect(beginsClean(long, 'av01.0')).toBe(true)
  expect(beginsClean(Buffer.from([0x30, 0x10]), 'av01.0')).toBe(true)
})
