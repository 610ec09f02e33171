import { originOf, type SourceFacts } from './facts.ts'

/** What every ffmpeg run on a source is given. */
export interface ToolSource {
  /** Loopback URL of the source. */
  readonly url: string
  readonly facts: SourceFacts
  /** Threads for the decoder and for each encoder; 0: ffmpeg decides. */
  readonly threads: number
  readonly maxPixels: number
  /** `url` is the path of a file of our own, on scratch. */
  readonly local?: true
  /** Filters begin anew where the sound changes its rate or channels; else the run ends (sound_changes). */
  readonly anew?: true
}

/** The only protocols a child may speak: it reads our own loopback server and nothing else (lesson 45). */
export const protocolFlags = ['-protocol_whitelist', 'http,tcp'] as const

/** The start of every ffmpeg command: quiet, no console, progress on stdout when asked for. */
export function commonFlags({ progress }: { progress: boolean }): string[] {
  return [
    '-hide_banner',
    // Without it ffmpeg reads the worker's terminal and may stop on it.
    '-nostdin',
    '-v',
    'error',
    // Two packets in three that do not decode (a phone's pauses are such) are no reason to lose the third.
    '-max_error_rate',
    '1',
    // Twice a second: smooth enough for a bar, and the stall watchdog counts minutes.
    ...(progress ? ['-progress', 'pipe:1', '-stats_period', '0.5'] : []),
    // Nothing in our folders is older than the run: a leftover of a killed run may be written over.
    '-y',
  ]
}

/**
 * The demuxer of what is opened, as probe accepted it: never guessed again (lesson 45). Where a broadcast moves its
 * tracks to other PIDs on the way, they stay the tracks that they were: else ffmpeg makes new ones, and ours end there.
 */
export function demuxerFlags(demuxer: string): string[] {
  return [...(demuxer === 'mpegts' ? ['-merge_pmt_versions', '1'] : []), '-f', demuxer]
}

/**
 * Opens the source, reading from `seekSeconds` (seconds after the first picture) when given. All times stay the
 * source's own (`-copyts`), so what a seek hits or misses never moves a picture: filters count from facts.origin.
 */
export function inputFlags(source: ToolSource, seekSeconds?: number): string[] {
  const { facts, threads, maxPixels, url, local, anew } = source
  return [
    // Mending jumps is what ffmpeg does unless the times are to stay as they are.
    ...(facts.jumps ? [] : ['-copyts']),
    ...(local ? ['-protocol_whitelist', 'file'] : protocolFlags),
    // A bomb is refused before its picture is allocated.
    '-max_pixels',
    String(maxPixels),
    '-threads',
    String(threads),
    // A change of size in mid-stream must not restart the filters, which count frames; scale follows it by itself.
    '-reinit_filter',
    '0',
    ...(anew ? ['-reinit_filter:a', '1'] : []),
    ...(seekSeconds === undefined ? [] : seekFlags(facts, seekSeconds)),
    ...demuxerFlags(facts.demuxer),
    '-i',
    url,
  ]
}

/**
 * An input seek to a place safely in front of `seekSeconds`; none when that is the start or the container cannot
 * be sought. What is decoded too early is dropped by the fps filter, which needs the picture before the cut.
 */
function seekFlags(facts: SourceFacts, seekSeconds: number): string[] {
  const { mode, marginSeconds } = facts.seek
  const target = seekSeconds - marginSeconds
  if (mode === 'none' || target <= 0) return []
  return [
    // Keep what lies between the key frame and the target: ffmpeg would throw it away.
    '-noaccurate_seek',
    // Absolute time: start_time of a container is the smallest of all its streams and moves with probing.
    '-seek_timestamp',
    '1',
    '-ss',
    (originOf(facts).seconds + target).toFixed(6),
  ]
}

/** Nothing of the source's own words reaches the output: titles, places, 64 KiB of markup. */
export const cleanOutputFlags = ['-map_metadata', '-1', '-map_chapters', '-1', '-sn', '-dn'] as const

/**
 * Outputs to nowhere of the streams that this run does not need. ffmpeg mends a jump when the first stream it reads
 * comes to it: sound and pictures, encoded by two runs, stay together only if both runs read both.
 */
export function witnessFlags(facts: SourceFacts, used: number): string[] {
  const others = facts.jumps?.streams.filter((index) => index !== used) ?? []
  return others.flatMap((index) => ['-map', `0:${index}`, '-c', 'copy', '-f', 'null', '/dev/null'])
}

/** The source's clock at its origin, the first picture: ticks of its time base, as a filter expression sees them. */
export function originSeconds(facts: SourceFacts): string {
  const origin = originOf(facts)
  // Exact, by fractions: seconds in decimals would be off by a tick after ten hours.
  const exact = `${origin.ticks}*${origin.timeBase.num}/${origin.timeBase.den}`
  return facts.jumps ? `(${exact}-(${facts.jumps.startSeconds}))` : `(${exact})`
}
