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
    }))
}

/** 0 for what is no number. */
function finite(text: string | undefined): number {
  const value = Number(text)
  return Number.isFinite(value) ? value : 0
}

/** "eng", "fre" or "en-US" as BCP 47 ("en", "fr", "en-US"); 'und' for nothing and for nonsense. */
function languageOf(stream: ProbeStream): string {
  const tag = stream.tags?.language?.trim() ?? ''
  if (!/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(tag)) return 'und'
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? 'und'
  } catch {
    return 'und'
  }
}

/** A title is the uploader's text: one line, no markup, short. */
function titleOf(stream: ProbeStream): string {
  return (stream.tags?.title ?? '')
    .replace(/[^\p{L}\p{N}\p{P}\p{Zs}]|["<>]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 80)
}
