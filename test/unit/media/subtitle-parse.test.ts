import { describe, expect, test } from '@jest/globals'
import { decodeSubtitles } from '../../../worker/media/subtitle-bytes.ts'
import { mostCues, parseSubtitles } from '../../../worker/media/subtitle-parse.ts'
import { randomNumbers, randomText } from './random-text.ts'

const cue = (start: number, end: number, text: string, settings = '') => ({ start, end, text, settings })

describe('SubRip', () => {
  test('is read as it should be written', () => {
    const text = '1\n00:00:01,000 --> 00:00:02,500\nOne\nTwo\n\n2\n01:00:00,000 --> 01:00:01,000\nLate\n'
    expect(parseSubtitles(text, 'srt')).toEqual({
      cues: [cue(1, 2.5, 'One\nTwo'), cue(3600, 3601, 'Late')],
      bad: 0,
    })
  })

  test.each([
    ['no number, no hours', '00:01,5 --> 00:02,5\nx', cue(1.5, 2.5, 'x')],
    ['points, one digit each', '0:0:1.25-->0:0:2\nx', cue(1.25, 2, 'x')],
    ['milliseconds behind a colon', '00:00:01:500 --> 00:00:02:250\nx', cue(1.5, 2.25, 'x')],
    ['the same without hours', '00:01:500 --> 00:02:250\nx', cue(1.5, 2.25, 'x')],
    ['a byte order mark and CR alone', '\ufeff1\r00:00:01,000 --> 00:00:02,000\rx\r', cue(1, 2, 'x')],
    ['an empty line inside', '1\n00:00:01,000 --> 00:00:02,000\nx\n\ny\n', cue(1, 2, 'x\ny')],
    ['coordinates behind the times', '00:00:01,000 --> 00:00:02,000 X1:1 Y2:2\nx', cue(1, 2, 'x')],
    ['a short arrow', '00:00:01,000 -> 00:00:02,000\nx', cue(1, 2, 'x')],
    ['a place', '00:00:01,000 --> 00:00:02,000\n{\\an9}x', cue(1, 2, 'x', 'line:5% position:95% align:end')],
  ])('is read with %s', (_, text, expected) => {
    expect(parseSubtitles(text, 'srt')).toEqual({ cues: [expected], bad: 0 })
  })

  test('in disorder is sorted, doubles are one, bad ones are counted', () => {
    const text = [
      ...['2', '00:00:05,000 --> 00:00:06,000', 'b', '', '1', '00:00:01,000 --> 00:00:02,000', 'a', ''],
      ...['3', '00:00:05,000 --> 00:00:06,000', 'b', '', '4', '00:00:09,000 --> 00:00:08,000', 'back', ''],
      ...['5', '12 --> never', 'x', '', '6', '00:00:10,000 --> 00:00:11,000', '', '7', '8', ''],
    ].join('\n')
    expect(parseSubtitles(text, 'srt')).toEqual({
      cues: [cue(1, 2, 'a'), cue(5, 6, 'b'), cue(10, 11, '7\n8')],
      bad: 2,
    })
  })

  test('is moved by what it is told', () => {
    const { cues } = parseSubtitles('01:00:00,500 --> 01:00:01,500\nx', 'srt', -3600.0667)
    expect(cues).toEqual([cue(0.433, 1.433, 'x')])
  })
})

describe('WebVTT', () => {
  test('is read with its settings, without what is no cue', () => {
    const text = [
      ...[
        'WEBVTT - a title',
        'X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:0',
        '',
        'STYLE',
        '::cue { color: red }',
        '',
      ],
      ...[
        'NOTE',
        'not this',
        '',
        'an id',
        '00:01.000 --> 00:02.000 line:10%,end align:start evil:1 region:x',
      ],
      ...['<v Bob>Hi', '', 'left over', '', '00:00:03.000 --> 00:00:04.000 align:start align:end', 'two'],
    ].join('\n')
    expect(parseSubtitles(text, 'vtt')).toEqual({
      cues: [cue(1, 2, '<v Bob>Hi</v>', 'line:10%,end align:start'), cue(3, 4, 'two', 'align:end')],
      bad: 0,
    })
  })
})

describe('bytes', () => {
  const german = 'Grüße'
  test.each([
    ['UTF-8', Buffer.from(german), 'und', german],
    ['UTF-8 with its mark', Buffer.from(`\ufeff${german}`), 'und', german],
    ['UTF-16 LE', Buffer.from(`\ufeff${german}`, 'utf16le'), 'und', german],
    ['UTF-16 BE', Buffer.from(`\ufeff${german}`, 'utf16le').swap16(), 'und', german],
    ['UTF-16 LE without a mark', Buffer.from(german, 'utf16le'), 'und', german],
    ['UTF-16 BE without a mark', Buffer.from(german, 'utf16le').swap16(), 'und', german],
    ['windows-1252', Buffer.from([0x47, 0x72, 0xfc, 0xdf, 0x65, 0x80]), 'de', 'Grüße€'],
    ['what Korea used', Buffer.from([0xbe, 0xc8, 0xb3, 0xe7]), 'ko-KR', '안녕'],
    ['nothing', Buffer.alloc(0), 'und', ''],
  ])('in %s are read', (_, bytes, language, text) => {
    expect(decodeSubtitles(bytes, language)).toBe(text)
  })
})

describe('whatever comes in', () => {
  test('ends in time, and what comes out is in order and sound', () => {
    for (let seed = 1; seed <= 1000; seed++) {
      for (const format of ['srt', 'vtt'] as const) {
        const { cues, bad } = parseSubtitles(randomText(seed, 120), format)
        expect(bad).toBeGreaterThanOrEqual(0)
        cues.forEach(({ start, end, text, settings }, at) => {
          expect(end).toBeGreaterThan(start)
          expect(start).toBeGreaterThanOrEqual(cues[at - 1]?.start ?? 0)
          expect(text).not.toMatch(/-->|\n\n|^\s*$/)
          expect(settings).not.toMatch(/[^\w:%,. -]/)
        })
      }
    }
  })

  test('a good file with bytes changed, cut and doubled is read as far as it goes', () => {
    const lines = Array.from(
      { length: 40 },
      (_, n) => `${n}\n00:00:${10 + n},000 --> 00:00:${11 + n},000\n<i>x</i>\n`,
    )
    const good = Buffer.from(lines.join('\n'))
    for (let seed = 1; seed <= 200; seed++) {
      const next = randomNumbers(seed)
      const bytes = Buffer.concat([good.subarray(0, next(good.length)), good.subarray(next(good.length))])
      for (let flips = next(20); flips > 0; flips--) bytes[next(bytes.length)] = next(256)
      const { cues, bad } = parseSubtitles(decodeSubtitles(bytes), 'srt')
      expect(cues.length + bad).toBeLessThanOrEqual(80)
    }
  })

  test.each([
    ['one endless line', 'a'.repeat(4_000_000)],
    ['only brackets', `00:00:01,000 --> 00:00:02,000\n${'<'.repeat(1_000_000)}`],
    ['only arrows', '0 --> '.repeat(500_000)],
    ['lines of arrows', '0 -->\n'.repeat(300_000)],
    ['lines of digits', '1\n'.repeat(1_000_000)],
    ['open scripts', `00:00:01,000 --> 00:00:02,000\n${'<script'.repeat(200_000)}`],
  ])('%s does not hang', (_, text) => {
    // Quadratic work over a million characters would outlast the limit of a test by far.
    expect(parseSubtitles(text, 'srt').cues.length).toBeLessThanOrEqual(1)
    expect(parseSubtitles(text, 'vtt').cues.length).toBeLessThanOrEqual(1)
  })

  test('more cues than any film has are counted, not kept', () => {
    const line = (n: number) => `00:00:01.000 --> 00:00:02.000\n${n}\n\n`
    const text = Array.from({ length: mostCues + 5 }, (_, n) => line(n)).join('')
    expect(parseSubtitles(text, 'vtt')).toMatchObject({ bad: 5, cues: { length: mostCues } })
  })
})
