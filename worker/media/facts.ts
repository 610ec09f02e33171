import type { Rational } from './timeline.ts'

/** What probeSource learned about one source file: everything later steps need, so that nobody probes twice. */
export interface SourceFacts {
  /** ffmpeg's name of the demuxer, from our whitelist; always passed back as `-f`. */
  readonly demuxer: string
  /** Seconds from the first picture to the end of the last one, from packets rather than the header. */
  readonly seconds: number
  /** Whether chunks may start with an input seek; 'none' means the whole file has to be one chunk. */
  readonly seek: SeekFacts
  /**
   * Time stamps jump by more than ten seconds somewhere (a broadcast encoder was restarted). ffmpeg then has to mend
   * them while it reads from the start, counted from the container's own start time.
   */
  readonly jumps: { readonly startSeconds: number; readonly streams: readonly number[] } | undefined
  readonly video: VideoFacts
  /** Tracks that can be decoded, in file order. Empty: the output has no audio. */
  readonly audio: readonly AudioFacts[]
  readonly subtitles: readonly SubtitleFacts[]
  /** Average bit rate of the whole file in kbit/s, 0 when unknown. */
  readonly bitrateKbps: number
  /** Oddities worth a log line: "3 audio tracks ignored: codec unknown". No URLs. */
  readonly warnings: readonly string[]
}

export interface SeekFacts {
  /** index: the container lists key frames; margin: search by time, start early; none: read from the start. */
  readonly mode: 'index' | 'margin' | 'none'
  /** How far before a chunk's start reading begins, in seconds. */
  readonly marginSeconds: number
}

export interface VideoFacts {
  /** Stream index for `-map 0:{index}`. */
  readonly index: number
  readonly codec: string
  readonly profile: string
  readonly pixelFormat: string
  /** As coded, before rotation and sample aspect ratio. */
  readonly codedWidth: number
  readonly codedHeight: number
  /** As shown: turned, with square pixels, rounded to whole pixels. */
  readonly displayWidth: number
  readonly displayHeight: number
  /** Clockwise turn for display: 0, 90, 180 or 270 degrees. ffmpeg's own autorotate applies it. */
  readonly rotation: number
  /** The container turns, mirrors, scales or shifts the picture (its display matrix). */
  readonly transformed: boolean
  readonly sampleAspect: Rational
  /** Rate the pictures come at; for a variable rate the one its output is made constant on. */
  readonly rate: Rational
  readonly variableRate: boolean
  /** Which pictures are woven of two fields: none, those that say so, or all (the container says so). */
  readonly interlaced: 'no' | 'marked' | 'all'
  readonly dynamicRange: 'sdr' | 'pq' | 'hlg'
  readonly colour: ColourFacts
  /** Time stamp of the first picture that decodes: zero of the output's time line. */
  readonly origin: { readonly ticks: number; readonly timeBase: Rational; readonly seconds: number }
}

/** ffmpeg's names; 'unknown' where the file does not say. */
export interface ColourFacts {
  readonly space: string
  readonly primaries: string
  readonly transfer: string
  readonly range: 'tv' | 'pc' | 'unknown'
}

export interface AudioFacts {
  readonly index: number
  readonly codec: string
  /** BCP 47 language, 'und' when the file does not say. */
  readonly language: string
  readonly title: string
  readonly channels: number
  readonly layout: string
  readonly sampleRate: number
  /** Seconds from the first picture to the first sound; negative when sound comes first. */
  readonly startOffset: number
  readonly isDefault: boolean
}

export interface SubtitleFacts {
  readonly index: number
  readonly codec: string
  readonly language: string
  readonly title: string
}

/** Policy limits, from the configuration; exceeding one rejects the file. */
export interface SourceLimits {
  readonly maxSeconds: number
  readonly maxPixels: number
}
