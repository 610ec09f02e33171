import type { AudioFacts, SourceFacts } from './facts.ts'
import type { Rendition } from './ladder.ts'
import type { Profile } from './profile.ts'
import type { Chunk, Grid } from './timeline.ts'

/** What every ffmpeg run on a source is given. */
export interface ToolSource {
  /** Loopback URL of the source. */
  readonly url: string
  readonly facts: SourceFacts
  /** 0: ffmpeg decides. */
  readonly threads: number
  readonly maxPixels: number
}

export interface VideoChunkRequest extends ToolSource {
  readonly ladder: readonly Rendition[]
  readonly grid: Grid
  readonly chunk: Chunk
  readonly profile: Profile
  /** Existing folder; gets `{rendition}/init.mp4`, `{rendition}/seg-00012.m4s` and `storyboard-00003-000.jpg`. */
  readonly outDir: string
}

export interface AudioRequest extends ToolSource {
  readonly track: AudioFacts
  readonly grid: Grid
  readonly profile: Profile
  /** Length of the video in seconds: sound is padded or cut to it. */
  readonly seconds: number
  /** Existing folder; gets `init.mp4` and `seg-00000.m4s`. */
  readonly outDir: string
}

export declare function videoChunkArgs(request: VideoChunkRequest): string[]
export declare function audioArgs(request: AudioRequest): string[]
