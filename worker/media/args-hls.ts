import { join } from 'node:path'
import { framesToSeconds, type Grid, segmentStart } from './timeline.ts'

export interface HlsOutput {
  /** Existing folder; gets `seg-00012.m4s`, and `init.mp4` unless the grid has cuts. */
  readonly dir: string
  readonly grid: Grid
  readonly firstSegment: number
  /** How many; the last of the video may be followed by more. */
  readonly segments: number
}

/** The muxer that cuts where the grid says. */
export function segmentFlags(output: HlsOutput): string[] {
  return output.grid.cuts ? cutFlags(output) : hlsFlags(output)
}

/** Decode times run on from what earlier chunks left, instead of starting at 0 again. */
const runOn = 'frag_discont'
/** B-frames by negative composition offsets and no edit list: hls.js and Safari then agree on time zero. */
const noEdits = 'negative_cts_offsets'

/**
 * The HLS muxer with fMP4 segments that join seamlessly with those of other chunks (architecture.md, "The chunk").
 * init.mp4 exists, empty, from the start: it is complete when the first segment is there.
 */
function hlsFlags({ dir, grid, firstSegment }: HlsOutput): string[] {
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
    `movflags=+${runOn}+${noEdits}:use_editlist=0:fragment_index=${firstSegment + 1}`,
    '-hls_fmp4_init_filename',
    'init.mp4',
    '-hls_segment_filename',
    join(dir, 'seg-%05d.m4s'),
    join(dir, 'ffmpeg.m3u8'),
  ]
}

/**
 * The segment muxer, which alone cuts at times of our own choice. Each file is a whole MP4 with its header, the same
 * in all of them: `selfContained` (fmp4-split.ts) takes it off. A file is complete when the next one is there.
 */
function cutFlags({ dir, grid, firstSegment, segments }: HlsOutput): string[] {
  const movflags = ['frag_custom', 'empty_moov', 'default_base_moof', runOn, noEdits]
  const starts = Array.from({ length: segments - 1 }, (_, at) => segmentStart(grid, firstSegment + at + 1))
  // Half a frame early: no rounding makes that a frame less or more.
  const times = starts.map((frame) => framesToSeconds(frame - 0.5, grid.rate).toFixed(6))
  return [
    // Of this muxer and of the one inside it: else B-frames of the first file alone would shift it.
    ...['-avoid_negative_ts', 'disabled'],
    ...['-f', 'segment'],
    // Without any it would cut every two seconds.
    ...['-segment_times', times.join(',') || '1000000000'],
    ...['-segment_start_number', String(firstSegment)],
    ...['-segment_format', 'mp4'],
    '-segment_format_options',
    `avoid_negative_ts=disabled:movflags=+${movflags.join('+')}:use_editlist=0`,
    join(dir, 'seg-%05d.m4s'),
  ]
}

/** Seconds of a segment cut down to whole microseconds, as ffmpeg counts them. */
function segmentTime(grid: Grid): string {
  const microseconds = Math.floor(framesToSeconds(grid.segmentFrames, grid.rate) * 1e6 + 1e-6)
  return (microseconds / 1e6).toFixed(6)
}
