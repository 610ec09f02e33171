import { WorkerError } from '../../shared/errors.ts'
import type { Plan } from '../chunk/ledger.ts'
import {
  type SkippedText,
  type TextManifest,
  type TextTrack,
  textIsStored,
  untriedText,
} from '../chunk/text-ledger.ts'
import { chaptersVtt } from '../media/chapters.ts'
import type { TextRendition } from '../media/playlist-text.ts'

/** A rendition of subtitles that is exactly as long as the video. */
export interface FittedText extends TextRendition {
  readonly segments: readonly { readonly uri: string; readonly seconds: number }[]
}

/** The renditions, with what lies behind the real end of the video left out. seconds: its real length. */
export function fittedText(text: TextManifest | undefined, seconds: number): FittedText[] {
  return (text?.tracks ?? []).map(({ segments, ...track }) => ({
    ...track,
    uri: `${track.folder}/index.m3u8`,
    segments: fitted(segments, seconds),
  }))
}

/** The last segment ends with the video, whatever its plan said. */
function fitted(segments: TextTrack['segments'], seconds: number) {
  const kept: { uri: string; seconds: number }[] = []
  let start = 0
  for (const { uri, seconds: planned } of segments) {
    // Less than a millisecond is a rounding of lengths, no segment.
    if (seconds - start < 0.001) break
    kept.push({ uri, seconds: Math.min(planned, seconds - start) })
    start += planned
  }
  const last = kept.pop()
  if (last) kept.push({ uri: last.uri, seconds: seconds - kept.reduce((sum, each) => sum + each.seconds, 0) })
  return kept
}

/** Every file of subtitles that the playlists will name is in the bucket, in its right size. Throws output_displaced. */
export function checkTextPresent(text: TextManifest | undefined, present: ReadonlyMap<string, number>): void {
  if (text && !textIsStored(text, present))
    throw new WorkerError('output_displaced', 'not all of the subtitles is in the bucket')
}

/** Files of subtitles that no playlist will name: made by a plan that was given up, or behind the end. */
export function textStraysIn(present: ReadonlyMap<string, number>, text: readonly FittedText[]): string[] {
  const named = new Set(
    text.flatMap(({ uri, segments }) => segments.map((each) => uri.replace('index.m3u8', each.uri))),
  )
  return [...present.keys()].filter((name) => /^text-\d+\/.*\.vtt$/.test(name) && !named.has(name))
}

/** The chapters as an object beside the master; none for a video without. */
export function chaptersObject({ facts }: Plan): { name: string; text: string } | undefined {
  const { chapters = [] } = facts
  return chapters.length === 0 ? undefined : { name: 'chapters.vtt', text: chaptersVtt(chapters) }
}

/** All that could have become subtitles and did not. */
export function skippedText(plan: Plan, text: TextManifest | undefined): SkippedText[] {
  return [...untriedText(plan), ...(text?.skipped ?? [])]
}

/** What the API hears of subtitles and chapters, as part of its `source`: only what there is. */
export function describeText(plan: Plan, text: TextManifest | undefined) {
  const skipped = skippedText(plan, text)
  const subtitles = (text?.tracks ?? []).map(({ from, language, forced, cues, bad }) => {
    return { from, language, forced, lines: cues, bad_lines: bad }
  })
  return {
    ...(subtitles.length > 0 ? { subtitles } : {}),
    ...(skipped.length > 0 ? { subtitles_skipped: skipped } : {}),
    ...(plan.facts.chapters?.length ? { chapters: plan.facts.chapters.length } : {}),
  }
}
