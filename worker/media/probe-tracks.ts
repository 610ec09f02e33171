import { languageTag, oneLine } from '../../shared/sidecars.ts'
import type { AudioFacts, SubtitleFacts } from './facts.ts'
import { flag, type ProbeStream } from './probe-header.ts'

/** More tracks than any lecture or film has; each one costs an encode of the whole sound. */
const mostAudioTracks = 8

/** Tracks that say enough to be decoded; the rest is counted in `ignored`. Exactly one is the default. */
export function describeAudio(
  streams: readonly ProbeStream[],
  originSeconds: number,
): { tracks: AudioFacts[]; ignored: number } {
  const all = streams.filter((stream) => stream.codec_type === 'audio')
  const usable = all.filter(
    (stream) =>
      stream.codec_name !== undefined && (stream.channels ?? 0) > 0 && finite(stream.sample_rate) > 0,
  )
  const kept = usable.slice(0, mostAudioTracks)
  const first = Math.max(
    0,
    kept.findIndex((stream) => flag(stream, 'default') === 1),
  )
  const tracks = kept.map((stream, position) => ({
    index: stream.index,
    codec: stream.codec_name!,
    language: languageOf(stream),
    title: titleOf(stream),
    channels: stream.channels!,
    layout: stream.channel_layout ?? 'unknown',
    sampleRate: finite(stream.sample_rate),
    startOffset: finite(stream.start_time) - originSeconds,
    isDefault: position === first,
  }))
  return { tracks, ignored: all.length - kept.length }
}

export function describeSubtitles(streams: readonly ProbeStream[]): SubtitleFacts[] {
  return streams
    .filter((stream) => stream.codec_type === 'subtitle')
    .map((stream) => ({
      index: stream.index,
      codec: stream.codec_name ?? 'unknown',
      language: languageOf(stream),
      title: titleOf(stream),
      isDefault: flag(stream, 'default') === 1,
      forced: flag(stream, 'forced') === 1,
      forDeaf: flag(stream, 'hearing_impaired') === 1,
    }))
}

/** 0 for what is no number. */
function finite(text: string | undefined): number {
  const value = Number(text)
  return Number.isFinite(value) ? value : 0
}

function languageOf(stream: ProbeStream): string {
  return languageTag(stream.tags?.language?.trim() ?? '')
}

function titleOf(stream: ProbeStream): string {
  return oneLine(stream.tags?.title ?? '')
}
