import { describe, expect, test } from '@jest/globals'
import { planGrid } from '../../../worker/chunk/grid.ts'
import { planSourceGrid } from '../../../worker/chunk/source-grid.ts'
import { audioArgs } from '../../../worker/media/args-audio.ts'
import { copyFlags } from '../../../worker/media/args-copy.ts'
import { videoChunkArgs } from '../../../worker/media/args-video.ts'
import { coverArgs } from '../../../worker/media/cover.ts'
import type { FilmFacts, SourceFacts } from '../../../worker/media/facts.ts'
import { outputRate, planLadder } from '../../../worker/media/ladder.ts'
import { posterArgs } from '../../../worker/media/poster.ts'
import { framesArgs, headerArgs, packetsArgs } from '../../../worker/media/probe-args.ts'
import { defaultProfile } from '../../../worker/media/profile.ts'
import type { Grid } from '../../../worker/media/timeline.ts'
import { factsOf, recordingOf, soundOf } from './facts.ts'

const url = 'http://127.0.0.1:1234/abc/source'

function chunkArgs(facts: FilmFacts, index: number, profile = defaultProfile): string[] {
  const ladder = planLadder(facts, defaultProfile)
  const grid = planGrid({
    rate: outputRate(facts, defaultProfile),
    seconds: facts.seconds,
    segmentSeconds: 6,
    chunkSeconds: 30,
  })
  const chunk = grid.chunks[index]!
  return videoChunkArgs({
    ...{ url, facts, threads: 2, maxPixels: 1000, ladder, grid, chunk, profile },
    outDir: '/scratch/chunk',
  })
}

/** The value after a flag; every one when it occurs more often. */
function valuesOf(args: string[], flag: string): string[] {
  return args.flatMap((word, at) => (word === flag ? [args[at + 1]!] : []))
}

const graphOf = (args: string[]) => valuesOf(args, '-filter_complex')[0]!.split(';')

describe('a chunk of video', () => {
  const small = factsOf({ displayWidth: 640, displayHeight: 360 })

  test('is this command', () => {
    expect(chunkArgs(small, 1).join('\n')).toMatchSnapshot()
  })

  test('the first one reads from the start, later ones from a second before their own', () => {
    expect(valuesOf(chunkArgs(small, 0), '-ss')).toEqual([])
    const later = chunkArgs(small, 1)
    expect(valuesOf(later, '-ss')).toEqual(['29.000000'])
    expect(later.indexOf('-noaccurate_seek')).toBeLessThan(later.indexOf('-i'))
  })

  test('seeks by the absolute clock of a source that starts at ten hours', () => {
    const origin = { ticks: 3_240_000_000, timeBase: { num: 1, den: 90_000 }, seconds: 36_000 }
    const args = chunkArgs({ ...factsOf({ origin }), seek: { mode: 'margin', marginSeconds: 4 } }, 1)
    expect(valuesOf(args, '-ss')).toEqual(['36026.000000'])
    expect(valuesOf(args, '-seek_timestamp')).toEqual(['1'])
    expect(graphOf(args)[0]).toContain('setpts=PTS-(3240000000)')
  })

  test('has exactly its frames, the last one whatever the source has', () => {
    expect(graphOf(chunkArgs(small, 0))[0]).toContain('trim=end_frame=750,')
    // Open, but not without end: twice the estimate and ten minutes.
    expect(graphOf(chunkArgs(small, 1))[0]).toContain('trim=end_frame=16500,')
  })

  test('of a single picture has it twice', () => {
    const alone = factsOf({ alone: true, rate: { num: 30, den: 1 } }, { seconds: 2 / 30 })
    expect(graphOf(chunkArgs(alone, 0))[0]).toContain(',tpad=stop_mode=clone:stop=1,trim=end_frame=2,')
    expect(graphOf(chunkArgs(small, 0))[0]).not.toContain('tpad')
  })

  test('numbers segments and fragments over the whole video', () => {
    const args = chunkArgs(small, 1)
    expect(valuesOf(args, '-start_number')).toEqual(['5', '5', '0'])
    expect(new Set(valuesOf(args, '-hls_segment_options'))).toEqual(
      new Set(['movflags=+frag_discont+negative_cts_offsets:use_editlist=0:fragment_index=6']),
    )
  })

  test('cuts a hair early where a segment lasts no whole number of microseconds', () => {
    const args = chunkArgs(factsOf({ rate: { num: 8797, den: 1000 } }), 0)
    // 54 frames at 8.797: 6.13845629… seconds.
    expect(valuesOf(args, '-hls_time')[0]).toBe('6.138456')
  })

  test('places key frames by frame numbers, on half of them in rungs of half the rate', () => {
    const args = chunkArgs(factsOf({ rate: { num: 60, den: 1 } }), 0)
    expect(valuesOf(args, '-g')).toEqual(['120', '120', '60', '60'])
    expect(valuesOf(args, '-force_key_frames')[3]).toBe('expr:not(mod(n,60))')
    expect(graphOf(args).filter((chain) => chain.includes('framestep=2,'))).toHaveLength(1)
  })

  test('scales every size from the next larger one', () => {
    const sizes = graphOf(chunkArgs(factsOf(), 0)).map((chain) =>
      /\[([\w:]+)\]\S*scale=(\d+:\d+)/.exec(chain)?.slice(1).join(' '),
    )
    expect(sizes.filter(Boolean)).toEqual([
      '0:0 1920:1080',
      'from0 1280:720',
      'from1 854:480',
      'from2 640:360',
      'small 192:108',
    ])
  })

  test('only the wanted stream of the wanted container is opened, over loopback alone', () => {
    const args = chunkArgs(factsOf({ index: 3 }), 0)
    const input = args.slice(0, args.indexOf(url) + 1).join(' ')
    expect(input).toContain('-nostdin')
    expect(input).toContain('-protocol_whitelist http,tcp')
    expect(input).toContain('-max_pixels 1000')
    expect(input).toMatch(/-f mov -i http:\/\/127\.0\.0\.1:1234\/abc\/source$/)
    expect(graphOf(args)[0]).toMatch(/^\[0:3\]/)
  })

  test('gives x264 the profile’s options, and none where a stored plan has none', () => {
    expect(valuesOf(chunkArgs(small, 0), '-x264-params')).toEqual(Array(2).fill(defaultProfile.x264Params))
    const { x264Params: _, ...older } = defaultProfile
    expect(chunkArgs(small, 0, older as typeof defaultProfile)).not.toContain('-x264-params')
  })

  test('takes nothing of the source’s own words along', () => {
    expect(valuesOf(chunkArgs(small, 0), '-map_metadata')).toEqual(['-1', '-1', '-1'])
  })
})

describe('a chunk on the source’s own key frames', () => {
  const origin = { ticks: 6400, timeBase: { num: 1, den: 12_800 }, seconds: 0.5 }
  const facts = factsOf({ displayWidth: 640, displayHeight: 360, origin })
  const ladder = planLadder(facts, defaultProfile).map((rendition, rung) => ({
    ...rendition,
    copied: rung === 0,
  }))
  const keys = [0, 40, 130, 160, 300, 420, 500, 600].map((frame) => ({ frame, decodeLead: 1024 }))
  const usual = planGrid({ rate: { num: 25, den: 1 }, seconds: 28, segmentSeconds: 6, chunkSeconds: 12 })
  const grid = planSourceGrid({ usual, keys, totalFrames: 700, even: false }) as Grid
  const args = (index: number) =>
    videoChunkArgs({
      ...{ url, facts, threads: 2, maxPixels: 1000, ladder, grid, profile: defaultProfile },
      ...{ chunk: grid.chunks[index]!, outDir: '/scratch/chunk' },
    })

  test('is this command', () => {
    expect(args(1).join('\n')).toMatchSnapshot()
  })

  test('copies from the key frame on, found by the time of its decoding, and moves it to the output’s clock', () => {
    expect(grid.chunks[1]).toMatchObject({ firstFrame: 300 })
    // Decoded two pictures (80 ms) before it is shown at 12 s of a clock that starts at 0.5; half a picture earlier.
    expect(valuesOf(args(1), '-ss').at(-1)).toBe('12.400000')
    expect(valuesOf(args(1), '-output_ts_offset')).toEqual(['11.900000'])
    expect(valuesOf(args(0), '-output_ts_offset')).toEqual(['-0.500000'])
  })

  test.each([25, 75, 1000])('begins at a whole tick of a clock with %i a second', (den) => {
    // Half a picture is none here; ffmpeg's muxer would count it in finer ones.
    const coarse = factsOf({ origin: { ticks: den, timeBase: { num: 1, den }, seconds: 1 } })
    const thirds = { ...grid, rate: den === 1000 ? { num: 30, den: 1 } : grid.rate }
    const chunk = { ...grid.chunks[1]!, startSeconds: den === 1000 ? 10 : 12, decodeLead: 0 }
    const flags = copyFlags(coarse, thirds, chunk)
    const [start, offset] = ['-ss', '-output_ts_offset'].map((flag) => Number(valuesOf(flags, flag)[0]))
    expect((start! * den) % 1).toBeCloseTo(0, 3)
    expect(offset! - start!).toBeCloseTo(-1, 6)
  })

  test('cuts all renditions at the same frames, and forces key frames there', () => {
    expect(new Set(valuesOf(args(0), '-segment_times'))).toEqual(new Set(['5.180000,6.380000']))
    expect(valuesOf(args(0), '-force_key_frames')).toEqual(['0.000000,1.600000,5.200000,6.400000'])
  })
})

describe('pictures are brought to BT.709, limited range', () => {
  const colour = { space: 'unknown', primaries: 'unknown', transfer: 'unknown', range: 'unknown' } as const
  const chain = (video: Parameters<typeof factsOf>[0]) => graphOf(chunkArgs(factsOf(video), 0))[0]!

  test('what is so already is only scaled', () => {
    expect(chain({})).not.toContain('colorspace=all')
  })

  test('standard definition without tags is BT.601', () => {
    expect(chain({ displayWidth: 720, displayHeight: 576, colour })).toContain(
      'colorspace=all=bt709:iall=bt601-6-625',
    )
  })

  test('high definition without tags is BT.709', () => {
    expect(chain({ colour })).not.toContain('colorspace=all')
  })

  test('high definition that says BT.601 is converted, not just tagged', () => {
    expect(chain({ colour: { ...colour, space: 'smpte170m' } })).toContain('iall=bt601-6-525')
  })

  test('full range is squeezed', () => {
    const named = /setparams=[^,]*:range=pc,zscale=[^,]*:r=tv,/
    expect(chain({ colour: { ...colour, range: 'pc' } })).toMatch(named)
    expect(chain({ colour, pixelFormat: 'yuvj420p' })).toMatch(named)
    expect(chain({ colour, pixelFormat: 'yuvj444p' })).toContain('in_range=pc:out_range=tv')
  })

  test('what zimg refuses, or would round without dither, is scaled by swscale', () => {
    for (const odd of [{ codedWidth: 853 }, { codedHeight: 481 }, { pixelFormat: 'yuv420p10le' }]) {
      expect(chain(odd)).toContain('scale=1920:1080:flags=bicubic:in_range=tv')
      expect(chain(odd)).not.toContain('zscale')
    }
  })

  test('a change of size in mid-stream does not reach zscale', () => {
    const [width, height] = [2560, 1440]
    const coded = { codedWidth: width, codedHeight: height }
    expect(chain(coded)).toMatch(/,scale=2560:1440:flags=bicubic,setparams=[^,]*,zscale=1920:1080:/)
    const turned = { ...coded, rotation: 270, displayWidth: height, displayHeight: width }
    expect(chain(turned)).toMatch(/,scale=1440:2560:flags=bicubic,setparams=[^,]*,zscale=1080:1920:/)
  })

  test('RGB is converted with the right matrix', () => {
    expect(chain({ colour: { ...colour, space: 'gbr' }, pixelFormat: 'rgba' })).toContain(
      'out_color_matrix=bt709',
    )
  })

  test('HDR is named before it is mapped, since zscale hangs on what has no name', () => {
    for (const [dynamicRange, transfer] of [
      ['hlg', 'arib-std-b67'],
      ['pq', 'smpte2084'],
    ] as const) {
      const hdr = chain({ dynamicRange, colour: { ...colour, transfer } })
      expect(hdr).toMatch(new RegExp(`setparams=[^,]*color_trc=${transfer}[^,]*,zscale=.*tonemap=`))
    }
  })

  test('woven fields are separated before the rate is made constant', () => {
    expect(chain({ interlaced: 'marked' })).toMatch(/bwdif=mode=send_frame:deint=interlaced,settb=[^,]+,fps=/)
    expect(chain({ interlaced: 'all' })).toContain('deint=all')
  })
})

describe('sound', () => {
  const grid = planGrid({ rate: { num: 25, den: 1 }, seconds: 60, segmentSeconds: 6, chunkSeconds: 120 })
  const args = (facts: SourceFacts, track = soundOf(), channels: 2 | 6 = 2) =>
    audioArgs({
      ...{ url, facts, threads: 0, maxPixels: 1000, grid, profile: defaultProfile },
      sound: { track, position: 0, channels },
      seconds: 60,
      outDir: '/scratch/audio',
    })

  test('is this command', () => {
    expect(args(factsOf()).join('\n')).toMatchSnapshot()
  })

  test('counts from the first picture', () => {
    const origin = { ticks: 2900, timeBase: { num: 1, den: 12_800 }, seconds: 0.2265625 }
    expect(graphOf(args(factsOf({ origin })))[0]).toContain('asetpts=round(PTS-(2900*1/12800)/TB)')
  })

  test('of six channels keeps the deep one, and is limited', () => {
    const chain = graphOf(args(factsOf(), soundOf({ channels: 6, layout: '5.1' })))[0]
    expect(chain).toContain('lfe_mix_level')
    expect(chain).toContain('alimiter')
  })

  test('that is kept in six channels is not folded, and has the bits for them', () => {
    const kept = args(factsOf(), soundOf({ channels: 6, layout: '5.1(side)' }), 6)
    expect(graphOf(kept)[0]).toContain('channel_layouts=5.1,')
    expect(graphOf(kept)[0]).not.toMatch(/lfe_mix_level|alimiter/)
    expect(kept[kept.indexOf('-b:a') + 1]).toBe('320k')
  })

  test('without pictures ends where it ends, but not never; several tracks end together', () => {
    expect(graphOf(args(recordingOf()))[0]).toMatch(/:first_pts=1024,atrim=end=720\.000000/)
    const two = recordingOf({ audio: [soundOf(), soundOf({ index: 1 })] })
    expect(graphOf(args(two))[0]).toContain('apad,atrim=end=60.021333')
  })
})

test('where the clock jumps, ffmpeg mends it, and both runs read both streams', () => {
  const origin = { ticks: 7200, timeBase: { num: 1, den: 90_000 }, seconds: 0.08 }
  const facts = factsOf(
    { origin },
    { jumps: { startSeconds: 0.058667, streams: [0, 1] }, seek: { mode: 'none', marginSeconds: 0 } },
  )
  const args = chunkArgs(facts, 0)
  expect(args).not.toContain('-copyts')
  expect(args.slice(-7)).toEqual(['-map', '0:1', '-c', 'copy', '-f', 'null', '/dev/null'])
  expect(graphOf(args)[0]).toContain('setpts=round(PTS-(7200*1/90000-(0.058667))/TB)')
})

test('the poster is this command', () => {
  const source = { url, facts: factsOf(), threads: 0, maxPixels: 1000 }
  expect(posterArgs(source, 6, '/scratch/poster.jpg', true).join('\n')).toMatchSnapshot()
})

test('the covers are these commands', () => {
  const { index, ...picture } = factsOf({
    displayWidth: 3000,
    displayHeight: 2000,
    pixelFormat: 'yuvj420p',
  }).video
  const commands = [recordingOf({ cover: { ...picture, index: 1 } }), recordingOf()].map((facts) =>
    coverArgs({ url, facts, threads: 0, maxPixels: 1000 }, '/scratch/poster.jpg').join(' '),
  )
  expect(commands).toMatchSnapshot()
})

test('pictures that come out late are left out, and the length that was listed holds', () => {
  const late = chunkArgs(factsOf({ late: [1880, 3760] }, { demuxer: 'mpegts' }), 1).join(' ')
  expect(late).toContain('-merge_pmt_versions 1 -f mpegts -i ')
  expect(late).toContain("[0:0]select='not(eq(pos,1880)+eq(pos,3760))',setpts=")
  expect(late).toContain('trim=end_frame=750')
  expect(chunkArgs(factsOf(), 1).join(' ')).not.toContain('trim=end_frame=750')
})

test('the probes are these commands', () => {
  const query = { url, demuxer: 'mov', index: 0, maxPixels: 1000 }
  const commands = [
    headerArgs(url, 1000, ['mov', 'matroska']),
    framesArgs(query, 60),
    packetsArgs(query, 'all'),
    packetsArgs(query, { count: 600 }),
    packetsArgs(query, { fromSeconds: 55 }),
    packetsArgs({ ...query, demuxer: 'mpegts' }, 'all'),
    packetsArgs(query, { times: [1.5, 62.25], seconds: 2 }),
  ]
  expect(commands.map((words) => words.join(' '))).toMatchSnapshot()
})
