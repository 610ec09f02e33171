import type { AudioRendition } from './playlist.ts'
import { attributes, quoted, subtitleGroup } from './playlist-attributes.ts'
import { averageRate, peakRate } from './rates.ts'

/** Renditions of which a player plays one: a variant is listed once with each group (RFC 8216 4.3.4.1.1). */
export interface AudioGroup {
  readonly id: 'audio' | 'surround'
  readonly renditions: readonly AudioRendition[]
  /** Of the most expensive rendition, in bit/s. */
  readonly peak: number
  readonly average: number
  readonly codecs: readonly string[]
}

/**
 * Stereo first, for players that take what comes first; then, where there is any, 5.1 (Apple 9.6). Every group has every
 * track: one without 5.1 is heard in stereo in both.
 */
export function audioGroups(audio: readonly AudioRendition[], target: number): AudioGroup[] {
  const stereo = audio.filter(({ channels }) => channels <= 2)
  const wide = audio.filter(({ channels }) => channels > 2)
  const group = (id: AudioGroup['id'], renditions: readonly AudioRendition[]): AudioGroup => ({
    ...{ id, renditions, codecs: [...new Set(renditions.map(({ codec }) => codec))] },
    peak: Math.max(0, ...renditions.map(({ segments }) => peakRate(segments, target))),
    average: Math.max(0, ...renditions.map(({ segments }) => averageRate(segments))),
  })
  if (wide.length === 0) return stereo.length === 0 ? [] : [group('audio', stereo)]
  const surround = stereo.map((track) => wide.find(({ name }) => name === track.name) ?? track)
  return [group('audio', stereo), group('surround', surround)]
}

export function audioLines({ id, renditions }: AudioGroup): string[] {
  // Players go by DEFAULT; tools that compare with the source take a group's last track for its main one.
  const ordered = renditions.toSorted((a, b) => Number(a.isDefault) - Number(b.isDefault))
  return ordered.map(
    (rendition) =>
      `#EXT-X-MEDIA:${attributes({
        TYPE: 'AUDIO',
        'GROUP-ID': quoted(id),
        NAME: quoted(rendition.name),
        LANGUAGE: quoted(rendition.language),
        DEFAULT: rendition.isDefault ? 'YES' : 'NO',
        AUTOSELECT: 'YES',
        CHANNELS: quoted(String(rendition.channels)),
        URI: quoted(rendition.uri),
      })}`,
  )
}

/** The variant of a recording without pictures: its main track, by which a player finds the group's others. */
export function soundLines(group: AudioGroup | undefined, subtitled: boolean): string[] {
  if (!group) return []
  const main = group.renditions.find(({ isDefault }) => isDefault) ?? group.renditions[0]!
  return [
    `#EXT-X-STREAM-INF:${attributes({
      BANDWIDTH: Math.ceil(group.peak),
      'AVERAGE-BANDWIDTH': Math.ceil(group.average),
      CODECS: quoted(group.codecs.join(',')),
      AUDIO: quoted(group.id),
      ...(subtitled ? { SUBTITLES: quoted(subtitleGroup) } : {}),
    })}`,
    main.uri,
  ]
}
