import { describe, expect, test } from '@jest/globals'
import { textArgs, textObjection, textShift } from '../../../worker/media/args-text.ts'
import type { SubtitleFacts } from '../../../worker/media/facts.ts'
import { factsOf } from './facts.ts'

const track = (index: number, codec: string): SubtitleFacts => ({ index, codec, language: 'en', title: '' })
const late = { ticks: 20_480, timeBase: { num: 1, den: 12_800 }, seconds: 1.6 }
const source = { url: 'http://127.0.0.1:1234/abc/source', threads: 2, maxPixels: 1000 }

describe('text', () => {
  test('of two tracks is taken out in one run, as it is where our parser reads it', () => {
    const tracks = [track(2, 'subrip'), track(4, 'ass')]
    expect(textArgs({ ...source, facts: factsOf(), tracks, outDir: '/out' }).join(' ')).toBe(
      [
        '-hide_banner -nostdin -v error -max_error_rate 1 -y -copyts -protocol_whitelist http,tcp',
        '-max_pixels 1000 -threads 2 -reinit_filter 0 -f mov -i http://127.0.0.1:1234/abc/source',
        '-map 0:2 -c:s copy -map_metadata -1 -map_chapters -1 -dn',
        '-avoid_negative_ts disabled -output_ts_offset 3600 -f srt /out/track-2.srt',
        '-map 0:4 -c:s srt -map_metadata -1 -map_chapters -1 -dn',
        '-avoid_negative_ts disabled -output_ts_offset 3600 -f srt /out/track-4.srt',
      ].join(' '),
    )
  })

  test('is counted from the first picture, also where jumps of the clock are mended', () => {
    expect(textShift(factsOf({ origin: late }))).toBe(-3601.6)
    const jumps = { startSeconds: 1.2, streams: [0, 1] }
    expect(textShift(factsOf({ origin: late }, { jumps }))).toBeCloseTo(-3600.4)
    const args = textArgs({
      ...source,
      facts: factsOf({}, { jumps }),
      tracks: [track(2, 'webvtt')],
      outDir: '/o',
    })
    expect(args).not.toContain('-copyts')
    // Both must be read for both to be mended alike.
    expect(args.join(' ')).toContain(
      '-f webvtt /o/track-2.vtt -map 0:0 -c copy -f null /dev/null -map 0:1 -c copy',
    )
  })

  test.each([
    ['mov_text', 0, undefined],
    ['ssa', 31, undefined],
    ['subrip', 32, 'there are more than 32 tracks of subtitles'],
    ['hdmv_pgs_subtitle', 0, 'its subtitles are pictures (hdmv_pgs_subtitle)'],
    ['dvd_subtitle', 0, 'its subtitles are pictures (dvd_subtitle)'],
    ['unknown', 0, 'subtitles coded as unknown are not read'],
    ['constructor', 0, 'subtitles coded as constructor are not read'],
  ])('coded as %s, the %ith track: %s', (codec, position, reason) => {
    expect(textObjection(track(1, codec), position)).toBe(reason)
  })
})
