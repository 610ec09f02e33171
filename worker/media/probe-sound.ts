import { WorkerError } from '../../shared/errors.ts'
import { describeChapters } from './chapters.ts'
import type { Origin, SoundFacts, SourceLimits } from './facts.ts'
import type { StreamQuery } from './probe-args.ts'
import { checkLength, mended, type Packets, secondsFrom } from './probe-facts.ts'
import {
  chooseCover,
  describePicture,
  type ProbeChapter,
  type ProbeHeader,
  type ProbeStream,
} from './probe-header.ts'
import type { FrameFacts } from './probe-packets.ts'
import { describeAudio } from './probe-tracks.ts'
import { parseRational, type Rational } from './timeline.ts'

/** A source whose header was read, with the questions that may be asked about one of its streams. */
export interface OpenSource {
  readonly demuxer: string
  readonly format: NonNullable<ProbeHeader['format']>
  readonly streams: readonly ProbeStream[]
  readonly chapters: readonly ProbeChapter[]
  readonly limits: SourceLimits
  readonly bytes: number
  query(index: number): StreamQuery
  /** What decodes first; empty when nothing does. */
  firstFrames(index: number): Promise<FrameFacts[]>
  /** Whether a picture that stands alone, and needs no time, decodes. */
  shows(index: number): Promise<boolean>
  packets(index: number): Promise<Packets>
}

export function timeBaseOf({ time_base }: ProbeStream): Rational {
  return parseRational(time_base) ?? { num: 1, den: 90_000 }
}

/**
 * Describes a source without pictures in motion, but with a track that is called audio. Throws no_video when
 * nothing in it can be heard, and video_too_long.
 */
export async function probeSound(opened: OpenSource): Promise<SoundFacts> {
  const { demuxer, format, limits } = opened
  const tracks = await Promise.all(
    describeAudio(opened.streams, 0).tracks.map(async ({ index }) => {
      const stream = opened.streams.find((each) => each.index === index)!
      const [frames, listed] = await Promise.all([opened.firstFrames(index), opened.packets(index)])
      const timeBase = timeBaseOf(stream)
      const first = Math.min(...frames.map(({ ticks }) => ticks))
      return { index, timeBase, first, heard: frames.length > 0, ...mended(demuxer, listed, timeBase) }
    }),
  )
  const heard = tracks.filter((track) => track.heard)
  if (heard.length === 0)
    throw new WorkerError('no_video', 'the file has no pictures in motion, and no sound in it can be decoded')
  const [earliest] = heard.map(originOfTrack).toSorted((a, b) => a.seconds - b.seconds)
  const origin = earliest!
  const seconds = Math.max(
    ...heard.map((track) => {
      const late = originOfTrack(track).seconds - origin.seconds
      return late + secondsFrom(track.first, track.packets, 0, track.timeBase)
    }),
  )
  checkLength(seconds, limits)
  const cover = chooseCover(opened.streams, limits)
  const shown = cover !== undefined && (await opened.shows(cover.index))
  const usable = opened.streams.filter(
    ({ codec_type, index }) => codec_type === 'audio' && heard.some((track) => track.index === index),
  )
  const { tracks: audio } = describeAudio(usable, origin.seconds)
  const left = opened.streams.filter(({ codec_type }) => codec_type === 'audio').length - audio.length
  const jumps = heard.some((track) => track.jumps)
  return {
    ...{ demuxer, seconds, origin, audio, subtitles: [] },
    chapters: jumps ? [] : describeChapters(opened.chapters, origin.seconds, seconds),
    ...(shown ? { cover: describePicture(cover) } : {}),
    // Sound is encoded in one go: nobody seeks in it.
    seek: { mode: 'none', marginSeconds: 0 },
    jumps: jumps
      ? { startSeconds: Number(format.start_time) || 0, streams: audio.map(({ index }) => index) }
      : undefined,
    bitrateKbps: Math.round((opened.bytes * 8) / 1000 / seconds),
    warnings: [
      'there are no pictures in motion: the output is sound alone',
      ...(left > 0 ? [`audio tracks left out, unknown or not decodable: ${left}`] : []),
      ...(cover && !shown ? ['the cover cannot be decoded'] : []),
    ],
  }
}

function originOfTrack({ first, timeBase }: { first: number; timeBase: Rational }): Origin {
  return { ticks: first, timeBase, seconds: (first * timeBase.num) / timeBase.den }
}
