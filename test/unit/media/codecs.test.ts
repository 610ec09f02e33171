import { describe, expect, test } from '@jest/globals'
import { planGrid } from '../../../worker/chunk/grid.ts'
import { videoChunkArgs } from '../../../worker/media/args-video.ts'
import { hevcCodec } from '../../../worker/media/codec-strings.ts'
import type { VideoFacts } from '../../../worker/media/facts.ts'
import { beginsClean } from '../../../worker/media/first-picture.ts'
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

describe('HEVC by profile', () => {
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

  test('is encoded by x265 with key frames on the same grid', () => {
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

  test.each([
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
})
