import type { PlaylistSegment } from './playlist.ts'

/**
 * Peak bit rate in bit/s: the largest of any contiguous run of segments that lasts 0.5 to 1.5 target durations
 * (RFC 8216 4.1). A video shorter than half a target is one run.
 */
export function peakRate(
  segments: readonly Pick<PlaylistSegment, 'seconds' | 'bytes'>[],
  target: number,
): number {
  let peak = 0
  for (let first = 0; first < segments.length; first++) {
    let seconds = 0
    let bytes = 0
    for (const segment of segments.slice(first)) {
      seconds += segment.seconds
      bytes += segment.bytes
      if (seconds > target * 1.5) break
      if (seconds >= target * 0.5) peak = Math.max(peak, (bytes * 8) / seconds)
    }
  }
  return peak === 0 ? averageRate(segments) : peak
}

/** Bit/s over the whole rendition. */
export function averageRate(segments: readonly Pick<PlaylistSegment, 'seconds' | 'bytes'>[]): number {
  const seconds = segments.reduce((sum, segment) => sum + segment.seconds, 0)
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  return seconds > 0 ? (bytes * 8) / seconds : 0
}
