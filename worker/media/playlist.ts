import { attributes, keyLines, lines, quoted, subtitleGroup } from './playlist-attributes.ts'
import { type AudioGroup, audioGroups, audioLines, soundLines } from './playlist-sound.ts'
import { averageRate, peakRate } from './rates.ts'
import type { Rational } from './timeline.ts'
import { vttTime } from './vtt.ts'

/** One finished segment, as chunk manifests store it. */
export interface PlaylistSegment {
  /** Counted over the whole video, from 0. */
  readonly number: number
  /** Relative to the playlist: 'seg-00012.m4s', or of a chunk's one object. */
  readonly uri: string
  /** Where the segment begins in its object; an object of its own when not set. */
  readonly offset?: number
  readonly seconds: number
  readonly bytes: number
  readonly keyframe?: { readonly offset: number; readonly length: number } | undefined
}

export interface VideoVariant {
  readonly name: string
  /** Relative to the master: '720p/index.m3u8'. */
  readonly uri: string
  readonly iframesUri?: string
  readonly codec: string
  /** None: SDR. */
  readonly range?: 'pq' | 'hlg'
  readonly width: number
  readonly height: number
  readonly rate: Rational
  readonly segments: readonly PlaylistSegment[]
}

export interface AudioRendition {
  readonly uri: string
  readonly codec: string
  readonly language: string
  readonly name: string
  readonly channels: number
  readonly isDefault: boolean
  readonly segments: readonly PlaylistSegment[]
}

export interface StoryboardSheet {
  /** Relative to the VTT. */
  readonly uri: string
  /** Pictures on it, left to right, top to bottom. */
  readonly cues: readonly { readonly start: number; readonly end: number }[]
  readonly columns: number
  readonly width: number
  readonly height: number
}

/** Kept for players that ask for it: six decimals are a microsecond, far below a frame. */
export const extinf = (seconds: number) => seconds.toFixed(6)

/** One TARGETDURATION for all playlists of a job (Apple 8.2): the longest segment of any, rounded (RFC 8216 4.3.3.1). */
export function targetDuration(...lists: (readonly PlaylistSegment[])[]): number {
  return Math.max(1, ...lists.flat().map(({ seconds }) => Math.round(seconds)))
}

interface PlaylistOptions {
  readonly target: number
  /** None of MPEG-TS. */
  readonly initUri: string | undefined
  /** Where the key is, of segments that are encrypted. */
  readonly keyUri?: string | undefined
}

/** The media playlist of one rendition. */
export function mediaPlaylist(
  segments: readonly PlaylistSegment[],
  { target, initUri, keyUri }: PlaylistOptions,
): string {
  return lines(
    // 6 is what EXT-X-MAP needs outside of I-frame playlists, 3 what lengths in fractions need (RFC 8216 section 7).
    ...header(initUri === undefined ? 3 : 6, target),
    ...(initUri === undefined ? [] : [`#EXT-X-MAP:URI="${initUri}"`]),
    ...keyLines(keyUri),
    ...segments.flatMap(({ uri, seconds, offset, bytes }) => [
      `#EXTINF:${extinf(seconds)},`,
      ...(offset === undefined ? [] : [byteRange(offset, bytes)]),
      uri,
    ]),
    '#EXT-X-ENDLIST',
  )
}

/** The key frames of one rendition, for scrubbing: the first of each segment, by byte range. */
export function iframePlaylist(
  segments: readonly PlaylistSegment[],
  { target, initUri }: PlaylistOptions,
): string {
  return lines(
    ...header(5, target),
    '#EXT-X-I-FRAMES-ONLY',
    `#EXT-X-MAP:URI="${initUri}"`,
    ...segments.flatMap(({ uri, seconds, keyframe, offset = 0 }) =>
      keyframe
        ? [`#EXTINF:${extinf(seconds)},`, byteRange(offset + keyframe.offset, keyframe.length), uri]
        : [],
    ),
    '#EXT-X-ENDLIST',
  )
}

/** RFC 8216 4.3.2.2. Always with its offset: nobody has to add up what came before. */
function byteRange(offset: number, length: number): string {
  return `#EXT-X-BYTERANGE:${length}@${offset}`
}

/**
 * The multivariant playlist, written last. Bit rates are measured from the finished segments: players choose by
 * BANDWIDTH, so too high keeps viewers low and too low stalls them.
 */
export function masterPlaylist(master: {
  variants: readonly VideoVariant[]
  audio: readonly AudioRendition[]
  target: number
  /** Lines of the subtitles, made by playlist-text.ts. */
  subtitles?: readonly string[]
}): string {
  const { variants, audio, target, subtitles = [] } = master
  const groups = audioGroups(audio, target)
  return lines(
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...groups.flatMap(audioLines),
    ...subtitles,
    ...(groups.length === 0 ? [undefined] : groups).flatMap((group) =>
      variants.length === 0
        ? soundLines(group, subtitles.length > 0)
        : defaultFirst(variants).flatMap(variantLines(group, target, subtitles.length > 0)),
    ),
    ...variants.flatMap((variant) =>
      variant.iframesUri ? [iframeLine(variant, variant.iframesUri, target)] : [],
    ),
  )
}

/** One variant, heard with one group of sounds (none: silent). */
function variantLines(group: AudioGroup | undefined, target: number, subtitled: boolean) {
  return (variant: VideoVariant): string[] => [
    `#EXT-X-STREAM-INF:${attributes({
      BANDWIDTH: Math.ceil(peakRate(variant.segments, target) + (group?.peak ?? 0)),
      'AVERAGE-BANDWIDTH': Math.ceil(averageRate(variant.segments) + (group?.average ?? 0)),
      CODECS: quoted([variant.codec, ...(group?.codecs ?? [])].join(',')),
      RESOLUTION: `${variant.width}x${variant.height}`,
      'FRAME-RATE': (variant.rate.num / variant.rate.den).toFixed(3),
      'VIDEO-RANGE': variant.range?.toUpperCase() ?? 'SDR',
      ...(group ? { AUDIO: quoted(group.id) } : {}),
      ...(subtitled ? { SUBTITLES: quoted(subtitleGroup) } : {}),
    })}`,
    variant.uri,
  ]
}

/**
 * Apple 1.32: players start with the first variant, which should average about 2 Mbit/s on Wi-Fi. One of H.264, since
 * some take the first without asking whether they can play it.
 */
const startRate = 2_000_000

function defaultFirst(variants: readonly VideoVariant[]): VideoVariant[] {
  const distance = ({ segments }: VideoVariant) =>
    Math.abs(Math.log(Math.max(1, averageRate(segments)) / startRate))
  const first = variants
    .filter(({ codec }) => codec.startsWith('avc1.'))
    .sort((a, b) => distance(a) - distance(b))[0]
  return first ? [first, ...variants.filter((variant) => variant !== first)] : []
}

function iframeLine(variant: VideoVariant, uri: string, target: number): string {
  const frames = variant.segments.map((segment) => ({ ...segment, bytes: segment.keyframe?.length ?? 0 }))
  return `#EXT-X-I-FRAME-STREAM-INF:${attributes({
    BANDWIDTH: Math.ceil(peakRate(frames, target)),
    'AVERAGE-BANDWIDTH': Math.ceil(averageRate(frames)),
    CODECS: quoted(variant.codec),
    RESOLUTION: `${variant.width}x${variant.height}`,
    'VIDEO-RANGE': variant.range?.toUpperCase() ?? 'SDR',
    URI: quoted(uri),
  })}`
}

/** The index over the storyboard's sheets: gapless cues, each a rectangle of a picture (W3C media fragments). */
export function storyboardVtt(sheets: readonly StoryboardSheet[]): string {
  const cues = sheets.flatMap(({ uri, cues, columns, width, height }) =>
    cues.map(({ start, end }, index) => {
      const [x, y] = [(index % columns) * width, Math.floor(index / columns) * height]
      return `${vttTime(start)} --> ${vttTime(end)}\n${uri}#xywh=${x},${y},${width},${height}\n`
    }),
  )
  return `WEBVTT\n\n${cues.join('\n')}`
}

export function header(version: number, target: number): string[] {
  return [
    '#EXTM3U',
    `#EXT-X-VERSION:${version}`,
    `#EXT-X-TARGETDURATION:${target}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
  ]
}
