import { describe, expect, test } from '@jest/globals'
import { type Cue, parseSubtitles } from '../../../worker/media/subtitle-parse.ts'
import { cutSubtitles } from '../../../worker/media/subtitle-segments.ts'
import { randomNumbers } from './random-text.ts'

const cue = (start: number, end: number, text = `${start}`): Cue => ({ start, end, text, settings: '' })
const startsIn = (text: string) => parseSubtitles(text, 'vtt').cues.map(({ start }) => start)

describe('segments of subtitles', () => {
  test('say where their zero is, and hold a cue wherever it is shown', () => {
    const segments = cutSubtitles([cue(1, 2), cue(9, 31), cue(10, 20), cue(39.9, 50)], 40, 10)!
    expect(segments.map(({ text }) => startsIn(text))).toEqual([[1, 9], [9, 10], [9], [9, 39.9]])
    for (const { text } of segments)
      expect(text.startsWith('WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n')).toBe(true)
    expect(segments.map(({ seconds }) => seconds)).toEqual([10, 10, 10, 10])
  })

  test('cover the programme where there is no cue, and end with it', () => {
    const segments = cutSubtitles([], 25.5, 10)!
    expect(segments.map(({ number, seconds }) => [number, seconds])).toEqual([
      [0, 10],
      [1, 10],
      [2, 5.5],
    ])
  })

  test('leave out what lies behind the end, and cut what begins before the start', () => {
    const segments = cutSubtitles([cue(-5, -1), cue(-2, 1), cue(24, 99), cue(25, 26)], 25, 10)!
    expect(segments.map(({ text }) => parseSubtitles(text, 'vtt').cues.map((c) => [c.start, c.end]))).toEqual(
      [[[0, 1]], [], [[24, 25]]],
    )
  })

  test('are refused when every cue lasts for ever', () => {
    const cues = Array.from({ length: 1000 }, (_, n) => cue(0, 40_000, `${n}`))
    expect(cutSubtitles(cues, 40_000)).toBeUndefined()
  })

  test('hold, of random cues, just those that are shown in them', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const next = randomNumbers(seed)
      const total = 1 + next(300) / 2
      const cues = Array.from({ length: next(30) }, (_, n) => {
        const start = next(400_000) / 1000 - 20
        return cue(start, start + 0.001 + next(90_000) / 1000, `cue ${n}`)
      })
      const segments = cutSubtitles(cues, total, 30)!
      expect(segments.reduce((sum, { seconds }) => sum + seconds, 0)).toBeCloseTo(total, 6)
      segments.forEach(({ text, seconds }, at) => {
        const [from, to] = [at * 30, at * 30 + seconds]
        const found = parseSubtitles(text, 'vtt').cues.map((each) => each.text)
        // A millisecond either way is rounding.
        const must = cues.filter(
          ({ start, end }) => start < to - 0.002 && end > from + 0.002 && start < total - 0.002,
        )
        const may = cues.filter(({ start, end }) => start < to + 0.002 && end > from - 0.002)
        for (const { text: name } of must) expect(found).toContain(name)
        for (const name of found) expect(may.map((each) => each.text)).toContain(name)
      })
    }
  })
})
