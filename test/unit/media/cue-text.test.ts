import { describe, expect, test } from '@jest/globals'
import { cleanCueText, plainText } from '../../../worker/media/cue-text.ts'
import { randomText } from './random-text.ts'

const words = (text: string) => plainText(text).split(/\s+/)

describe('cue text', () => {
  test.each([
    ['Hello <i>world</i> & all', 'Hello <i>world</i> &amp; all'],
    ['<font color="#ff0000"><b>red</b></font>', '<b>red</b>'],
    ['a < b, 3 > 2, <3 and &lt;3', 'a &lt; b, 3 &gt; 2, &lt;3 and &lt;3'],
    ['<script>alert(1)</script>seen<style>*{}</style>', 'seen'],
    ['<script>never closed', ''],
    ['<img src=x onerror=alert(1)>seen<a href="javascript:x">link</a>', 'seenlink'],
    ['<b onclick="x">bold</b>', '<b>bold</b>'],
    ['<v Bob>Hi <c.yellow.bg_blue>you</c>', '<v Bob>Hi <c.yellow.bg_blue>you</c></v>'],
    ['<v.loud Bob & "Ann">Hi', '<v.loud Bob "Ann">Hi</v>'],
    ['<lang en>Yes</lang> <ruby>漢<rt>kan</rt></ruby>', '<lang en>Yes</lang> <ruby>漢<rt>kan</rt></ruby>'],
    ['<i>one <b>two</i> three</b>', '<i>one <b>two</b></i> three'],
    ['left open <u>here', 'left open <u>here</u>'],
    ['one<br/>two\r\n\r\n\r\nthree', 'one\ntwo\nthree'],
    ['{\\an8}{\\i1}up', 'up'],
    ['<00:00:01.000>sung', 'sung'],
    ['a --> b', 'a --&gt; b'],
    ['bell\u0007 null\u0000 zero\ufeff', 'bell null zero'],
    ['&nbsp;&amp;lt; &#65;&#x1F600; &unknown; &#0;', '&amp;lt; A😀 &amp;unknown;'],
    ['m 0 0 l 100 0 100 100', ''],
    ['m and 100', 'm and 100'],
    ['<i> </i>', ''],
    ['half \ud800', 'half \ufffd'],
  ])('%j becomes %j', (raw, clean) => {
    expect(cleanCueText(raw)).toBe(clean)
  })

  test('whatever comes in: no line is empty, no control character, only tags of WebVTT, closed in order', () => {
    for (let seed = 1; seed <= 1000; seed++) {
      const text = cleanCueText(randomText(seed, 200))
      if (text === '') continue
      expect(text.split('\n').every((line) => line.trim() !== '')).toBe(true)
      expect(text).not.toMatch(/[^\P{Cc}\n]|-->/u)
      const open: string[] = []
      for (const [, slash, name = ''] of text.matchAll(/<(\/?)([^\s.>]*)[^>]*>/g)) {
        expect(['b', 'i', 'u', 'c', 'v', 'lang', 'ruby', 'rt']).toContain(name)
        if (slash) expect(open.pop()).toBe(name)
        else open.push(name)
      }
      expect(open).toEqual([])
      expect(text.replace(/<[^>]*>/g, '')).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/)
      // Reading what was written changes nothing.
      expect(words(cleanCueText(text))).toEqual(words(text))
    }
  })

  /** The fastest of many tries, in milliseconds: what else the machine does only adds. */
  const fastest = (text: string) => {
    let least = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 40; tries++) {
      const begun = performance.now()
      cleanCueText(text)
      least = Math.min(least, performance.now() - begun)
    }
    return least
  }

  // A file may hold a thousand such cues, and nothing else of the worker runs while it is read: no beat of the lease.
  test.each([
    ['comments that never end', '<!--'],
    ['scripts whose tag never ends', '<script '],
    ['overrides that never end', '{\\'],
    ['numbers of a drawing that is none', '1', 'm 1 '],
    ['points of a drawing that is none', '1 1 ', 'm '],
  ])('%s take four times as long when they are four times as many', (_, unit, before = '') => {
    const hostile = (length: number) => `${before}${unit.repeat(length / unit.length)}!`
    cleanCueText(hostile(3900))
    // 16 times were it the square.
    expect(fastest(hostile(3900)) / fastest(hostile(3900 / 4))).toBeLessThan(10)
  })
})
