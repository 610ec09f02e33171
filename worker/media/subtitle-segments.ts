import type { Cue } from './subtitle-parse.ts'
import { vttTime } from './vtt.ts'

/**
 * Ten times a segment of video (Apple 5.7 allows longer ones): a minute of speech is a few kB, and a lecture of
 * three hours 180 objects a language instead of 1800.
 */
export const textSegmentSeconds = 60

/** A hostile file whose every cue lasts the whole day would be written as often as there are segments. */
const mostPlacements = 400_000

export interface TextSegment {
  readonly number: number
  readonly seconds: number
  readonly text: string
}

/**
 * One WebVTT file after the other over the whole programme; a cue stands in every one that it is shown in, the same
 * in each, so that players know it again. Cues behind the end are left out. Undefined when that would be endless.
 */
export function cutSubtitles(
  cues: readonly Cue[],
  totalSeconds: number,
  segmentSeconds = textSegmentSeconds,
): TextSegment[] | undefined {
  const count = Math.max(1, Math.ceil(totalSeconds / segmentSeconds - 1e-6))
  const segments: string[][] = Array.from({ length: count }, () => [])
  let placements = 0
  for (const cue of shown(cues, totalSeconds)) {
    const first = Math.floor(cue.start / segmentSeconds)
    const last = Math.min(count - 1, Math.ceil(cue.end / segmentSeconds) - 1)
    placements += last - first + 1
    if (placements > mostPlacements) return undefined
    const text = cueText(cue)
    for (let at = Math.min(first, last); at <= last; at++) segments[at]!.push(text)
  }
  return segments.map((texts, number) => ({
    number,
    seconds: Math.min(segmentSeconds, totalSeconds - number * segmentSeconds),
    text: `${head}${texts.join('')}`,
  }))
}

/** The cues that are on the screen at some time of the programme, cut to it. */
export function shown(cues: readonly Cue[], totalSeconds: number): Cue[] {
  return cues
    .map((cue) => ({ ...cue, start: Math.max(0, cue.start), end: Math.min(totalSeconds, cue.end) }))
    .filter(({ start, end }) => end - start >= 0.001)
}

/** Our pictures begin at 0 (fMP4 with negative offsets), and so do the cues: RFC 8216 3.5. */
const head = 'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n'

function cueText({ start, end, text, settings }: Cue): string {
  return `\n${vttTime(start)} --> ${vttTime(end)}${settings === '' ? '' : ` ${settings}`}\n${text}\n`
}
