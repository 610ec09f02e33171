import type { Rational } from './timeline.ts'

/** One finished segment, as chunk manifests store it. */
export interface PlaylistSegment {
  /** Relative to the playlist: 'seg-00012.m4s'. */
  readonly uri: string
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

/** One number for all playlists of a job: the longest segment of any, rounded up to whole seconds. */
export declare function targetDuration(...lists: (readonly PlaylistSegment[])[]): number
export declare function mediaPlaylist(
  segments: readonly PlaylistSegment[],
  options: { target: number; initUri: string },
): string
export declare function iframePlaylist(
  segments: readonly PlaylistSegment[],
  options: { target: number; initUri: string },
): string
export declare function masterPlaylist(master: {
  variants: readonly VideoVariant[]
  audio: readonly AudioRendition[]
  target: number
}): string
export declare function storyboardVtt(sheets: readonly StoryboardSheet[]): string
