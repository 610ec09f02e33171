import { WorkerError } from '../../shared/errors.ts'
import type { ColourFacts, PictureFacts, SourceLimits } from './facts.ts'
import { shapeOf } from './probe-json.ts'
import { parseRational, type Rational } from './timeline.ts'

/** ffprobe's JSON, as far as headerArgs asks for it. */
export interface ProbeHeader {
  readonly format?: {
    readonly format_name?: string
    readonly start_time?: string
    readonly duration?: string
    readonly bit_rate?: string
  }
  readonly streams?: readonly ProbeStream[]
  readonly chapters?: readonly ProbeChapter[]
}

/** Times in seconds of the container's clock. */
export interface ProbeChapter {
  readonly start_time?: string
  readonly end_time?: string
  readonly tags?: { readonly title?: string }
}

export interface ProbeStream {
  readonly index: number
  readonly codec_type?: string
  readonly codec_name?: string
  readonly codec_tag_string?: string
  readonly profile?: string
  readonly pix_fmt?: string
  readonly width?: number
  readonly height?: number
  readonly sample_aspect_ratio?: string
  readonly field_order?: string
  readonly time_base?: string
  readonly start_time?: string
  readonly duration?: string
  readonly r_frame_rate?: string
  readonly avg_frame_rate?: string
  readonly channels?: number
  readonly channel_layout?: string
  readonly sample_rate?: string
  readonly color_range?: string
  readonly color_space?: string
  readonly color_transfer?: string
  readonly color_primaries?: string
  readonly disposition?: Readonly<Record<string, number>>
  readonly tags?: Readonly<Record<string, string>>
  readonly side_data_list?: readonly Readonly<Record<string, unknown>>[]
}

/** Smaller, or longer than this times its width, is no picture that a player shows. */
const smallestSide = 16
const longestShape = 20

/** Reads ffprobe's JSON. Throws probe_failed when it is none. */
export function parseHeader(json: string): ProbeHeader {
  const header = shapeOf(parse(json))
  if (!header) throw new WorkerError('probe_failed', 'ffprobe did not answer with JSON')
  return header
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/**
 * The stream that is the video: no covers, the file's own default first, then the largest. Undefined when there is
 * sound alone. Throws no_video and others.
 */
export function chooseVideo(streams: readonly ProbeStream[], limits: SourceLimits): ProbeStream | undefined {
  if (streams.some(isProtected)) throw new WorkerError('input_encrypted', 'the file is protected (DRM)')
  const videos = streams.filter((stream) => stream.codec_type === 'video' && !isCover(stream))
  if (videos.length === 0) {
    if (streams.some((stream) => stream.codec_type === 'audio')) return undefined
    throw new WorkerError('no_video', 'the file has neither pictures in motion nor sound')
  }
  const known = videos.filter((stream) => stream.codec_name !== undefined && stream.codec_name !== 'none')
  if (known.length === 0) {
    const tag = JSON.stringify(videos[0]?.codec_tag_string?.slice(0, 16) ?? '')
    throw new WorkerError('codec_unsupported', `there is no decoder for the video (coded as ${tag})`)
  }
  const [chosen] = known.toSorted(
    (a, b) => flag(b, 'default') - flag(a, 'default') || area(b) - area(a) || a.index - b.index,
  )
  checkSize(chosen!, limits)
  return chosen!
}

function checkSize(stream: ProbeStream, limits: SourceLimits): void {
  const { width = 0, height = 0 } = stream
  if (width * height > limits.maxPixels) {
    throw tooLarge(`${width}x${height}`, limits)
  }
  // 0x0: the stream is declared, but no picture was seen. What is in it is decided by decoding.
  if (width === 0 || height === 0) return
  if (
    Math.min(width, height) < smallestSide ||
    Math.max(width, height) > longestShape * Math.min(width, height)
  ) {
    throw new WorkerError(
      'picture_too_small',
      `the picture is ${width}x${height}: too small or too narrow to be shown`,
    )
  }
}

export function tooLarge(size: string, limits: SourceLimits): WorkerError {
  return new WorkerError(
    'picture_too_large',
    `the picture is ${size}, the limit is ${limits.maxPixels} pixels`,
  )
}

/** What the header says of the picture, apart from times. */
export function describePicture(stream: ProbeStream): PictureFacts {
  const { width = 0, height = 0 } = stream
  const rotation = rotationOf(stream)
  const sampleAspect = aspectOf(stream)
  const shownWidth = Math.round((width * sampleAspect.num) / sampleAspect.den)
  const turned = rotation === 90 || rotation === 270
  const colour = colourOf(stream)
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    profile: stream.profile ?? '',
    pixelFormat: stream.pix_fmt ?? 'unknown',
    codedWidth: width,
    codedHeight: height,
    displayWidth: turned ? height : shownWidth,
    displayHeight: turned ? shownWidth : height,
    rotation,
    // ffprobe shows no matrix that changes nothing.
    transformed: rotation !== 0 || stream.side_data_list?.some((data) => 'displaymatrix' in data) === true,
    sampleAspect,
    colour,
    dynamicRange: colour.transfer === 'smpte2084' ? 'pq' : colour.transfer === 'arib-std-b67' ? 'hlg' : 'sdr',
  }
}

/** Clockwise degrees. The display matrix may stand behind other side data (lesson 40); old files have a tag. */
function rotationOf(stream: ProbeStream): number {
  const entry = stream.side_data_list?.find((data) => typeof data.rotation === 'number')
  const degrees = entry ? -Number(entry.rotation) : Number(stream.tags?.rotate ?? 0)
  const turned = ((Math.round(degrees) % 360) + 360) % 360
  return turned % 90 === 0 ? turned : 0
}

/** Shapes beyond 1:8 are writing errors: such pixels exist on no screen. */
function aspectOf(stream: ProbeStream): Rational {
  const aspect = parseRational(stream.sample_aspect_ratio)
  if (!aspect) return { num: 1, den: 1 }
  const value = aspect.num / aspect.den
  return value > 8 || value < 1 / 8 ? { num: 1, den: 1 } : aspect
}

function colourOf(stream: ProbeStream): ColourFacts {
  const range = stream.color_range === 'pc' || stream.color_range === 'tv' ? stream.color_range : 'unknown'
  return {
    space: stream.color_space ?? 'unknown',
    primaries: stream.color_primaries ?? 'unknown',
    transfer: stream.color_transfer ?? 'unknown',
    range,
  }
}

/** The picture that stands for a file of sound: the first that is large enough to be shown. */
export function chooseCover(streams: readonly ProbeStream[], limits: SourceLimits): ProbeStream | undefined {
  return streams.find((stream) => {
    const { codec_type, width = 0, height = 0 } = stream
    const shown = Math.min(width, height) >= smallestSide && width * height <= limits.maxPixels
    return codec_type === 'video' && isCover(stream) && shown
  })
}

export function isCover(stream: ProbeStream): boolean {
  return ['attached_pic', 'still_image', 'timed_thumbnails'].some((name) => flag(stream, name) === 1)
}

function isProtected(stream: ProbeStream): boolean {
  const marked = stream.side_data_list?.some((data) => String(data.side_data_type).startsWith('Encryption'))
  return marked === true || /^(encv|enca|drmi|drms)$/.test(stream.codec_tag_string ?? '')
}

/** A disposition of ffprobe's: 1 when set. */
export function flag(stream: ProbeStream, name: string): number {
  return stream.disposition?.[name] ?? 0
}

function area(stream: ProbeStream): number {
  return (stream.width ?? 0) * (stream.height ?? 0)
}
