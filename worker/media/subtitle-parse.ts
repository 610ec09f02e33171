import { cleanCueText } from './cue-text.ts'

/** One line of subtitles. Seconds from the first picture; `text` is clean WebVTT cue text. */
export interface Cue {
  readonly start: number
  readonly end: number
  readonly text: string
  /** WebVTT cue settings, such as `line:0 align:start`; '' for none. */
  readonly settings: string
}

export interface ParsedSubtitles {
  /** By start, none twice. */
  readonly cues: readonly Cue[]
  /** Places that looked like cues and were none: no times, an end before its start, too many. */
  readonly bad: number
}

/** A cue a second for a day; styled songs have several at a time. Of a hostile file the rest is counted as bad. */
export const mostCues = 100_000

/** Hours may be missing, the fraction be set off by comma, point or colon. */
const time = String.raw`((?:\d{1,3}:)?\d{1,2}:\d{1,2}(?:[.,:]\d{1,9})?)`
const timing = new RegExp(String.raw`^\s*${time}\s*-{1,3}>\s*${time}(?:\s+(.*))?$`)
/** What is longer holds no times. */
const longestTiming = 300

/**
 * Reads SubRip and WebVTT, which differ in little: what stands under a line with two times is a cue. Bad cues are
 * left out and counted; it never throws, and takes time in proportion to the length. `shift` is added to all times.
 */
export function parseSubtitles(text: string, format: 'srt' | 'vtt', shift = 0): ParsedSubtitles {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)
  const cues = new Map<string, Cue>()
  let bad = 0
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    if (!isTiming(line)) continue
    const last = endOfCue(lines, at + 1, format)
    const cue = readCue(line, lines.slice(at + 1, last), format, shift)
    at = last - 1
    if (cue === 'empty') continue
    if (cue === 'bad' || cues.size >= mostCues) bad += 1
    // Layers of styled text say the same at the same time.
    else cues.set(`${cue.start} ${cue.end} ${cue.text}`, cue)
  }
  return { cues: [...cues.values()].sort((a, b) => a.start - b.start || a.end - b.end), bad }
}

function isTiming(line: string): boolean {
  return line.length <= longestTiming && /->/.test(line) && /^\s*[\d-]/.test(line)
}

/** The line after the cue's last. An empty line ends a cue; SubRip files in the wild have some inside. */
function endOfCue(lines: readonly string[], from: number, format: 'srt' | 'vtt'): number {
  let at = from
  while (at < lines.length && !isTiming(lines[at]!) && (format === 'srt' || lines[at]!.trim() !== '')) at++
  if (format === 'vtt' || at === lines.length) return at
  // The number of the next cue stands alone above its times.
  return at - 1 > from - 1 && /^\s*\d+\s*$/.test(lines[at - 1]!) ? at - 1 : at
}

function readCue(
  line: string,
  body: readonly string[],
  format: 'srt' | 'vtt',
  shift: number,
): Cue | 'bad' | 'empty' {
  const [, from, to, rest = ''] = timing.exec(line) ?? []
  if (from === undefined || to === undefined) return 'bad'
  const start = toMs(secondsOf(from) + shift)
  const end = toMs(secondsOf(to) + shift)
  if (!(end > start)) return 'bad'
  const raw = body.join('\n')
  const text = cleanCueText(raw)
  if (text === '') return 'empty'
  return { start, end, text, settings: format === 'vtt' ? settingsOf(rest) : placeOf(raw) }
}

function secondsOf(text: string): number {
  const [, clock = '', fraction = ''] = /^([\d:]+?)(?:[.,](\d+))?$/.exec(text) ?? []
  const parts = clock.split(':')
  // 00:00:01:500 has its milliseconds behind a colon.
  const odd = parts.length > 3 || parts.at(-1)!.length > 2 ? parts.pop()! : fraction
  const whole = parts.reduce((sum, part) => sum * 60 + Number(part), 0)
  return whole + (odd === '' ? 0 : Number(`0.${odd}`))
}

/** WebVTT counts milliseconds. */
function toMs(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}

const percent = String.raw`(?:100|\d{1,2})(?:\.\d{1,6})?%`
const settingPatterns = [
  /^vertical:(rl|lr)$/,
  new RegExp(`^line:(-?\\d{1,3}|${percent})(,(start|center|end))?$`),
  new RegExp(`^position:${percent}(,(line-left|center|line-right))?$`),
  new RegExp(`^size:${percent}$`),
  /^align:(start|center|end|left|right)$/,
]

/** The settings that the standard knows, each once; regions are not kept. */
function settingsOf(text: string): string {
  const known = text.split(/\s+/).filter((word) => settingPatterns.some((pattern) => pattern.test(word)))
  const byName = new Map(known.map((word) => [word.split(':')[0], word]))
  return [...byName.values()].join(' ')
}

/** {\an1} to {\an9}: the places of a number pad, 2 (below, in the middle) being the usual one. */
function placeOf(raw: string): string {
  const pad = Number(/\{\\an([1-9])\}/.exec(raw)?.[1] ?? 2)
  const line = pad > 6 ? 'line:5%' : pad > 3 ? 'line:50%' : ''
  const align = pad % 3 === 1 ? 'position:5% align:start' : pad % 3 === 0 ? 'position:95% align:end' : ''
  return [line, align].filter(Boolean).join(' ')
}
