import { WorkerError } from '../../shared/errors.ts'
import { masterKey } from '../../shared/keys.ts'
import { soundRenditions } from '../chunk/layout.ts'
import {
  type AudioManifest,
  audioFolder,
  type ChunkManifest,
  objectsOf,
  type Plan,
  stored,
  type TrackPart,
} from '../chunk/ledger.ts'
import {
  type AudioRendition,
  iframePlaylist,
  masterPlaylist,
  mediaPlaylist,
  type PlaylistSegment,
  targetDuration,
  type VideoVariant,
} from '../media/playlist.ts'
import { subtitleLines, textPlaylist } from '../media/playlist-text.ts'
import { framesToSeconds, type Grid, segmentLength } from '../media/timeline.ts'
import { isExtra } from './extras.ts'
import type { FittedText } from './text-publish.ts'

/** A finished video as its manifests tell it. */
export interface Assembled {
  readonly variants: readonly (VideoVariant & WithInit)[]
  readonly audio: readonly (AudioRendition & WithInit)[]
  /** Length in seconds: of the video's renditions, which are all equally long. */
  readonly seconds: number
  /** Of all segments, in bytes. */
  readonly bytes: number
  /** Where players get the key of the segments, if they are encrypted. */
  readonly keyUri?: string
}

interface WithInit {
  /** Of the init segment, relative to the media playlist. */
  readonly initUri: string | undefined
}

/** One text object to publish, key relative to the job's folder. */
export interface TextObject {
  readonly name: string
  readonly text: string
}

/** Joins the chunks' manifests to whole renditions, and judges the joins. Pure. Throws output_invalid. */
export function assemble(
  plan: Plan,
  chunks: readonly ChunkManifest[],
  audio: readonly AudioManifest[],
): Assembled {
  const variants = plan.ladder.map((rendition): VideoVariant & WithInit => {
    const parts = chunks.map((chunk) => chunk.tracks[rendition.name]).filter((part) => part !== undefined)
    const first = parts[0]
    if (!first) throw new WorkerError('no_frames', 'no picture could be decoded')
    if (parts.some((part) => part.init.md5 !== first.init.md5))
      throw new WorkerError('output_invalid', `the init segments of ${rendition.name} differ between chunks`)
    const segments = parts.flatMap((part) => part.segments)
    checkRun(rendition.name, segments, plan.grid)
    return {
      ...{
        name: rendition.name,
        uri: `${rendition.name}/index.m3u8`,
        // Key frames of a transport stream lie among sound, those of an encrypted segment between bytes that few players
        // read around (RFC 8216 6.3.6): there is no range that is one alone.
        ...(first.init.uri === undefined || plan.encryption
          ? {}
          : { iframesUri: `${rendition.name}/iframes.m3u8` }),
        initUri: first.init.uri,
      },
      ...{
        codec: first.init.codec,
        ...(first.init.range ? { range: first.init.range } : {}),
        width: rendition.width,
        height: rendition.height,
        rate: rendition.rate,
        segments,
      },
    }
  })
  const renditions = audio.map((manifest) => audioRendition(plan, manifest))
  // Sound alone is as long as its sound.
  const lengths = (variants.length > 0 ? variants : renditions).map(({ segments }) => total(segments))
  const frame = framesToSeconds(1, plan.grid.rate)
  if (Math.max(...lengths) - Math.min(...lengths) > frame * 1.5)
    throw new WorkerError(
      'output_invalid',
      `the renditions last ${lengths.map((s) => s.toFixed(3)).join(', ')} s`,
    )
  const bytes = [...variants, ...renditions]
    .flatMap((list) => list.segments)
    .reduce((sum, segment) => sum + segment.bytes, 0)
  const keyUri = plan.encryption?.uri
  return {
    ...{ variants, audio: renditions, seconds: Math.max(...lengths), bytes },
    ...(keyUri === undefined ? {} : { keyUri }),
  }
}

function audioRendition(plan: Plan, manifest: AudioManifest): AudioRendition & WithInit {
  const { track, position } = soundRenditions(plan)[manifest.index]!
  const { init, segments } = manifest.track
  return {
    ...{
      uri: `${audioFolder(manifest.index)}/index.m3u8`,
      initUri: init.uri,
      codec: init.codec,
      channels: init.channels,
      segments,
    },
    language: track.language,
    name: trackName(plan, position),
    isDefault: track.isDefault,
  }
}

/** NAME has to be unique in the group (RFC 8216 4.3.4.1); titles in files are not. */
function trackName(plan: Plan, position: number): string {
  const nameAt = (index: number) => {
    const facts = plan.facts.audio[index]
    return facts?.title || facts?.language || 'und'
  }
  const name = nameAt(position)
  const taken = plan.facts.audio.slice(0, position).some((_, index) => nameAt(index) === name)
  return taken ? `${name} ${position + 1}` : name
}

/** Numbers run on from 0, and only the last segment may be short: nothing is missing, nothing twice. */
function checkRun(name: string, segments: readonly PlaylistSegment[], grid: Grid): void {
  segments.forEach(({ number, seconds }, index) => {
    if (number !== index)
      throw new WorkerError('output_invalid', `${name}: segment ${index} is missing (found ${number})`)
    const planned = framesToSeconds(segmentLength(grid, index), grid.rate)
    if (index < segments.length - 1 && Math.abs(seconds - planned) > 0.001)
      throw new WorkerError(
        'output_invalid',
        `${name}: segment ${index} lasts ${seconds} s, the grid says ${planned}`,
      )
  })
}

function total(segments: readonly PlaylistSegment[]): number {
  return segments.reduce((sum, segment) => sum + segment.seconds, 0)
}

/** Each track's folder and what lies in it, of all that the playlists will name. */
function partsOf(
  chunks: readonly ChunkManifest[],
  audio: readonly AudioManifest[],
): (readonly [string, TrackPart])[] {
  return [
    ...chunks.flatMap((chunk) => Object.entries(chunk.tracks)),
    ...audio.map((manifest) => [audioFolder(manifest.index), manifest.track] as const),
  ]
}

/** Every segment that the playlists will name is in the bucket, in its right size. Throws output_displaced. */
export function checkPresent(
  chunks: readonly ChunkManifest[],
  audio: readonly AudioManifest[],
  present: ReadonlyMap<string, number>,
): void {
  for (const [folder, part] of partsOf(chunks, audio)) {
    if (!stored(folder, part, present))
      throw new WorkerError('output_displaced', `not all of ${folder} is in the bucket`)
  }
}

/**
 * Media and pictures in the job's folder that no playlist will name: made by a plan that was given up. Names as in
 * `present`.
 */
export function straysIn(
  present: ReadonlyMap<string, number>,
  chunks: readonly ChunkManifest[],
  audio: readonly AudioManifest[],
): string[] {
  const named = new Set(chunks.flatMap(({ sheets }) => sheets.map(({ uri }) => uri)))
  for (const [folder, part] of partsOf(chunks, audio))
    for (const uri of objectsOf(part).keys()) named.add(`${folder}/${uri}`)
  return [...present.keys()].filter(
    (name) => /\.(m4s|mp4|ts|jpg)$/.test(name) && ours(name) && !named.has(name),
  )
}

/** Whether there are segments in the job's folder at all. Names as in `present`. */
export function hasMedia(present: ReadonlyMap<string, number>): boolean {
  return [...present.keys()].some((name) => /\.(m4s|ts)$/.test(name))
}

/** The ledger is removed as a whole, the poster and its like stand beside the playlists. */
function ours(name: string): boolean {
  return !name.startsWith('.work/') && !isExtra(name)
}

/**
 * The playlists in the order in which they must appear: a viewer who sees one finds all it names. The master is last.
 * subtitles: as fittedText gives them.
 */
export function playlists(video: Assembled, subtitles: readonly FittedText[] = []): TextObject[] {
  const { keyUri } = video
  const target = targetDuration(
    ...video.variants.map((v) => v.segments),
    ...video.audio.map((a) => a.segments),
  )
  const media = [...video.variants, ...video.audio].map(({ uri, initUri, segments }) => ({
    name: uri,
    text: mediaPlaylist(segments, { target, initUri, keyUri }),
  }))
  const iframes = video.variants.flatMap(({ iframesUri, initUri, segments }) =>
    iframesUri === undefined
      ? []
      : [{ name: iframesUri, text: iframePlaylist(segments, { target, initUri }) }],
  )
  const text = subtitles.map(({ uri, segments }) => ({ name: uri, text: textPlaylist(segments, keyUri) }))
  const master = masterPlaylist({
    ...{ variants: video.variants, audio: video.audio, target, subtitles: subtitleLines(subtitles) },
  })
  return [...media, ...iframes, ...text, { name: masterKey(''), text: master }]
}
