import { demuxerFlags, protocolFlags } from './args-source.ts'

const base = ['-hide_banner', '-v', 'error', ...protocolFlags]

/** Container and streams as JSON; of the file's own words only what the output shows. demuxers: ffmpeg's names. */
export function headerArgs(url: string, maxPixels: number, demuxers: readonly string[]): string[] {
  return [
    ...base,
    // ffprobe decodes a picture to describe it: not a bomb.
    '-max_pixels',
    String(maxPixels),
    // Matched against the name of what was recognised, before it reads a byte of what it points to.
    '-format_whitelist',
    // The whole names, as ffmpeg registers them: "mov" alone would not match "mov,mp4,m4a,…".
    demuxers.join(','),
    // As demuxerFlags has it; ffprobe, unlike ffmpeg, lets other demuxers pass it over.
    ...['-merge_pmt_versions', '1'],
    '-show_entries',
    [
      'format=format_name,start_time,duration,bit_rate',
      'stream=index,codec_type,codec_name,codec_tag_string,profile,pix_fmt,width,height,sample_aspect_ratio,' +
        'field_order,time_base,start_time,duration,r_frame_rate,avg_frame_rate,channels,channel_layout,sample_rate,' +
        'color_range,color_space,color_transfer,color_primaries',
      'stream_disposition=default,forced,hearing_impaired,attached_pic,still_image,timed_thumbnails',
      'stream_tags=language,title,rotate',
      'stream_side_data',
      'chapter=start_time,end_time',
      'chapter_tags=title',
    ].join(':'),
    '-of',
    'json',
    url,
  ]
}

export interface StreamQuery {
  readonly url: string
  readonly demuxer: string
  readonly index: number
  readonly maxPixels: number
}

/** Decodes the first `packets` packets of one stream: where the pictures (or the sound) really begin. */
export function framesArgs(query: StreamQuery, packets: number): string[] {
  return [
    ...base,
    '-max_pixels',
    String(query.maxPixels),
    '-read_intervals',
    `%+#${packets}`,
    ...select(query),
    '-show_entries',
    'frame=pts,best_effort_timestamp,width,height,pix_fmt,interlaced_frame,color_range',
    '-of',
    'compact=p=0',
    query.url,
  ]
}

/** What stands beside the first pictures, as JSON: HEVC has its HDR10 metadata there. */
export function sideDataArgs(query: StreamQuery): string[] {
  return [
    ...base,
    '-max_pixels',
    String(query.maxPixels),
    ...['-read_intervals', '%+#5', ...select(query)],
    ...['-show_frames', '-show_entries', 'frame=pts:frame_side_data', '-of', 'json', query.url],
  ]
}

/** Which packets of a stream: times are absolute, in seconds, and each place begins with the key frame before it. */
export type Part =
  | 'all'
  | { readonly count: number }
  | { readonly fromSeconds: number }
  | { readonly times: readonly number[]; readonly seconds: number }

/** Lists packets without decoding: all, the first `count`, those from `fromSeconds` on, or `seconds` of each of `times`. */
export function packetsArgs(query: StreamQuery, part: Part): string[] {
  return [
    ...base,
    ...(part === 'all' ? [] : ['-read_intervals', intervals(part)]),
    ...select(query),
    '-show_entries',
    // Where a broadcast's packets stand tells those that come out late (inTurn).
    `packet=pts,dts,duration,flags${query.demuxer === 'mpegts' ? ',pos' : ''}`,
    '-of',
    'compact=p=0',
    query.url,
  ]
}

function intervals(part: Exclude<Part, 'all'>): string {
  if ('count' in part) return `%+#${part.count}`
  if ('fromSeconds' in part) return `${part.fromSeconds.toFixed(3)}%`
  return part.times.map((time) => `${time.toFixed(3)}%+${part.seconds}`).join(',')
}

function select({ demuxer, index }: StreamQuery): string[] {
  return [...demuxerFlags(demuxer), '-select_streams', String(index)]
}
