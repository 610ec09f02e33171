import { WorkerError } from '../../shared/errors.ts'
import type { Rational } from './timeline.ts'

/** What probeSource learned about one source file: everything later steps need, so that nobody probes twice. */
export type SourceFacts = FilmFacts | SoundFacts

/** A source with pictures. */
export interface FilmFacts extends CommonFacts {
  readonly video: VideoFacts
}

/** A source of sound alone, or of sound and a cover: at least one audio track. */
export interface SoundFacts extends CommonFacts {
  readonly video?: undefined
  /** Time stamp of the first sound of any track: zero of the output's time line. */
  readonly origin: Origin
  /** The picture that stands for the sound, such as an album's cover. */
  readonly cover?: PictureFacts
}

interface CommonFacts {
  /** ffmpeg's name of the demuxer, from our whitelist; always passed back as `-f`. */
  readonly demuxer: string
  /** Seconds from the first picture to the end of the last one (without any: of sound), from packets rather than the header. */
  readonly seconds: number
  /** Whether chunks may start with an input seek; 'none' means the whole file has to be one chunk. */
  readonly seek: SeekFacts
  /**
   * Time stamps jump by more than ten seconds somewhere (a broadcast encoder was restarted). ffmpeg then has to mend
   * them while it reads from the start, counted from the container's own start time.
   */
  readonly jumps: { readonly startSeconds: number; readonly streams: readonly number[] } | undefined
  /** Tracks that can be decoded, in file order. Empty: the output has no audio. */
  readonly audio: readonly AudioFacts[]
  readonly subtitles: readonly SubtitleFacts[]
  /** In order; none in the plans of older workers. */
  readonly chapters?: readonly Chapter[]
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

/** A time stamp as the source's clock has it, and in seconds. */
export interface Origin {
  readonly ticks: number
  readonly timeBase: Rational
  readonly seconds: number
}

/** What a header says of a picture. */
export interface PictureFacts {
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
  readonly dynamicRange: 'sdr' | 'pq' | 'hlg'
  readonly colour: ColourFacts
}

export interface VideoFacts extends PictureFacts {
  /** Rate the pictures come at; for a variable rate the one its output is made constant on. */
  readonly rate: Rational
  readonly variableRate: boolean
  /** Which pictures are woven of two fields: none, those that say so, or all (the container says so). */
  readonly interlaced: 'no' | 'marked' | 'all'
  /** The order of fields that the pictures showed, where they say nothing themselves. */
  readonly fieldOrder?: 'tff' | 'bff'
  /** Says that it is interlaced, and is not: its pictures are whole. */
  readonly falselyMarked?: boolean
  /** It is the only picture: shown twice, each time for half of its time. */
  readonly alone?: boolean
  /** Bytes of the source at which pictures stand that come out long after their turn (inTurn): left out. */
  readonly late?: readonly number[]
  /** Time stamp of the first picture that decodes: zero of the output's time line. */
  readonly origin: Origin
  /** Of a PQ source that says it: the screen it was graded on, and its brightest pictures (hdr10.ts). */
  readonly hdr10?: Hdr10Facts
}

/** Static metadata of HDR10 as x265 takes it. */
export interface Hdr10Facts {
  /** SMPTE ST 2086: `G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min)` in units of 0.00002 and of 0.0001 cd/m2. */
  readonly masterDisplay?: string
  /** CTA-861.3: of the brightest pixel and of the brightest picture, in cd/m2: `1000,400`. */
  readonly maxCll?: string
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
  /** Seconds from the origin (the first picture) to the first sound; negative when sound comes first. */
  readonly startOffset: number
  readonly isDefault: boolean
}

export interface SubtitleFacts {
  readonly index: number
  readonly codec: string
  readonly language: string
  readonly title: string
  readonly isDefault?: boolean
  /** Of words that are not in the language of the sound: shown even to those who want no subtitles. */
  readonly forced?: boolean
  /** For the deaf: sounds are written out as well. */
  readonly forDeaf?: boolean
}

/** Seconds from the first picture; one line of text. */
export interface Chapter {
  readonly start: number
  readonly end: number
  readonly title: string
}

/** Policy limits, from the configuration; exceeding one rejects the file. */
export interface SourceLimits {
  readonly maxSeconds: number
  readonly maxPixels: number
}

/** Zero of the output's time line on the source's clock. */
export function originOf(facts: SourceFacts): Origin {
  return facts.video ? facts.video.origin : facts.origin
}

/** For whoever works on chunks, which a source without pictures has none of. Throws internal. */
export function withPictures(facts: SourceFacts): FilmFacts {
  if (facts.video) return facts
  throw new WorkerError('internal', 'the source has no pictures')
}
