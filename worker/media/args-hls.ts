import { join } from 'node:path'
import { framesToSeconds, type Grid } from './timeline.ts'

export interface HlsOutput {
  /** Existing folder; gets `init.mp4` and `seg-00012.m4s`. */
  readonly dir: string
  readonly grid: Grid
  readonly firstSegment: number
}

/** Name of a segment, numbered over the whole video. */
export function segmentName(index: number): string {
  return `seg-${String(index).padStart(5, '0')}.m4s`
}

/**
 * The HLS muxer with fMP4 segments that join seamlessly with those of other chunks (architecture.md, "The chunk").
 * init.mp4 exists, empty, from the start: it is complete when the first segment is there.
 */
export function hlsFlags({ dir, grid, firstSegment }: HlsOutput): string[] {
  const movflags = [
    // Decode times run on from what earlier chunks left, instead of starting at 0 again.
    'frag_discont',
    // B-frames by negative composition offsets and no edit list: hls.js and Safari then agree on time zero.
    'negative_cts_offsets',
  ]
  return [
    // Else B-frames of the first chunk alone would shift it.
    '-avoid_negative_ts',
    'disabled',
    '-f',
    'hls',
    // The muxer cuts at the first key frame at or after this multiple: a microsecond less is never a frame less.
    '-hls_time',
    segmentTime(grid),
    '-hls_segment_type',
    'fmp4',
    // vod: the playlist (which nobody reads) is written once, not once per segment.
    '-hls_playlist_type',
    'vod',
    // A segment appears under its name when it is complete, so that a folder watcher can upload it.
    '-hls_flags',
    'temp_file+independent_segments',
    '-start_number',
    String(firstSegment),
    '-hls_segment_options',
    // Sequence numbers of fragments grow over the whole video and start at 1.
    `movflags=+${movflags.join('+')}:use_editlist=0:fragment_index=${firstSegment + 1}`,
    '-hls_fmp4_init_filename',
    'init.mp4',
    '-hls_segment_filename',
    join(dir, 'seg-%05d.m4s'),
    join(dir, 'ffmpeg.m3u8'),
  ]
}

/** Seconds of a segment cut down to whole microseconds, as ffmpeg counts them. */
function segmentTime(grid: Grid): string {
  const microseconds = Math.floor(framesToSeconds(grid.segmentFrames, grid.rate) * 1e6 + 1e-6)
  return (microseconds / 1e6).toFixed(6)
}
