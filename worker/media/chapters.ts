import { oneLine } from '../../shared/sidecars.ts'
import { cleanCueText } from './cue-text.ts'
import type { Chapter } from './facts.ts'
import type { ProbeChapter } from './probe-header.ts'
import { vttTime } from './vtt.ts'

/** More than the longest book has. */
const mostChapters = 1000

/**
 * The chapters that lie in the video, in order, on its own clock. Each ends where the next begins at the latest;
 * one without a title is called by its number.
 */
export function describeChapters(
  chapters: readonly ProbeChapter[],
  originSeconds: number,
  seconds: number,
): Chapter[] {
  const found = chapters
    .map(({ start_time, end_time, tags }) => ({
      start: Math.max(0, Number(start_time) - originSeconds),
      end: Math.min(seconds, Number(end_time) - originSeconds),
      title: oneLine(tags?.title ?? ''),
    }))
    .filter(({ start }) => start < seconds)
    .sort((a, b) => a.start - b.start)
    .slice(0, mostChapters)
  return found
    .map(({ start, end, title }, at) => {
      const next = found[at + 1]?.start ?? seconds
      return { start, end: end > start ? Math.min(end, next) : next, title: title || `Chapter ${at + 1}` }
    })
    .filter(({ start, end }) => end - start >= 0.001)
}

/** The chapters as WebVTT (kind `chapters` of a text track): a cue each, its text the title. */
export function chaptersVtt(chapters: readonly Chapter[]): string {
  const cues = chapters.map(({ start, end, title }, at) => {
    return `${at + 1}\n${vttTime(start)} --> ${vttTime(end)}\n${cleanCueText(title)}\n`
  })
  return `WEBVTT\n\n${cues.join('\n')}`
}
