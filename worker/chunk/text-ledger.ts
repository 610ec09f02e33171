import { textManifestKey } from '../../shared/keys.ts'
import type { SidecarName } from '../../shared/sidecars.ts'
import type { Storage } from '../../shared/storage.ts'
import { textObjection } from '../media/args-text.ts'
import type { SubtitleFacts } from '../media/facts.ts'
import type { TextRendition } from '../media/playlist-text.ts'
import type { Plan } from './ledger.ts'
import { readRecord, writeRecord } from './record.ts'

/** A subtitle file beside the source, as it was when the job was planned. */
export interface Sidecar extends SidecarName {
  readonly key: string
  readonly bytes: number
  readonly etag: string
}

/** One finished rendition of subtitles. */
export interface TextTrack extends Omit<TextRendition, 'uri'> {
  /** In the job's folder: `text-0`. */
  readonly folder: string
  /** For people: `track 3`, or the name of the file. */
  readonly from: string
  readonly cues: number
  /** Places in its file that looked like cues and were none. */
  readonly bad: number
  readonly segments: readonly { readonly uri: string; readonly seconds: number; readonly bytes: number }[]
}

export interface SkippedText {
  readonly from: string
  readonly codec: string
  readonly language: string
  /** A sentence for people. */
  readonly reason: string
}

/** Written after the last file of subtitles is stored. */
export interface TextManifest {
  readonly version: number
  readonly tracks: readonly TextTrack[]
  /** What could have become subtitles and did not. */
  readonly skipped: readonly SkippedText[]
  readonly encodeSeconds: number
}

/** The tracks of the source that can become text. A plan of a worker that knew nothing of subtitles has none. */
export function textTracksOf({ facts, sidecars }: Plan): SubtitleFacts[] {
  if (!sidecars) return []
  return facts.subtitles.filter((track, position) => textObjection(track, position) === undefined)
}

/** Whether there is a part of the job that makes subtitles. */
export function hasText(plan: Plan): boolean {
  return textTracksOf(plan).length > 0 || (plan.sidecars ?? []).length > 0
}

/** Tracks that nobody tries to read, in file order. */
export function untriedText({ facts }: Plan): SkippedText[] {
  return facts.subtitles.flatMap((track, position) => {
    const reason = textObjection(track, position)
    const { codec, language } = track
    return reason === undefined ? [] : [{ from: trackName(track), codec, language, reason }]
  })
}

export function trackName({ index }: SubtitleFacts): string {
  return `track ${index}`
}

/** Undefined when there is none, or when something that it lists is not in `present`. */
export async function readText(
  storage: Storage,
  folder: string,
  plan: Plan,
  present: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<TextManifest | undefined> {
  if (!hasText(plan)) return undefined
  const text = await storage.getText(textManifestKey(folder, plan.series), signal)
  const manifest = text === undefined ? undefined : readRecord<Omit<TextManifest, 'version'>>(text)
  return manifest && textIsStored(manifest, present) ? manifest : undefined
}

export async function writeText(
  storage: Storage,
  folder: string,
  plan: Plan,
  made: Omit<TextManifest, 'version'>,
  signal: AbortSignal,
): Promise<TextManifest> {
  const { record, text } = writeRecord(made)
  await storage.put(textManifestKey(folder, plan.series), text, {
    ...{ contentType: 'application/json', cacheControl: 'no-cache', signal },
  })
  return record
}

/** Whether every file of subtitles is in the bucket, in its right size. */
export function textIsStored({ tracks }: TextManifest, present: ReadonlyMap<string, number>): boolean {
  return tracks.every(({ folder, segments }) =>
    segments.every(({ uri, bytes }) => present.get(`${folder}/${uri}`) === bytes),
  )
}
