import { originSeconds } from './args-source.ts'
import type { FilmFacts, PictureFacts, VideoFacts } from './facts.ts'
import { formatRational, type Rational } from './timeline.ts'

/**
 * Source pictures on the output's time line: from the first picture on, progressive. Runs on every decoded picture.
 */
export function clockFilters(facts: FilmFacts): string[] {
  const { origin, late = [] } = facts.video
  return [
    ...(late.length > 0 ? [`select='not(${late.map((byte) => `eq(pos,${byte})`).join('+')})'`] : []),
    facts.jumps ? `setpts=round(PTS-${originSeconds(facts)}/TB)` : `setpts=PTS-(${origin.ticks})`,
    // In front of fps: it needs every field in order. One picture per frame keeps the source's rate.
    ...fieldFilters(facts.video),
  ]
}

/** Two fields to one picture, where pictures are made of them. */
export function fieldFilters({ interlaced, fieldOrder, falselyMarked }: VideoFacts): string[] {
  // Nothing behind may go by a mark that is wrong.
  if (interlaced === 'no') return falselyMarked ? ['setfield=mode=prog'] : []
  const order = fieldOrder ? `:parity=${fieldOrder}` : ''
  return [`bwdif=mode=send_frame:deint=${interlaced === 'all' ? 'all' : 'interlaced'}${order}`]
}

/**
 * Makes the rate constant on the grid, from frame `firstFrame` on, `frames` of them (none: to the end). The picture
 * that is on screen at the cut is held, so chunks encoded apart show what one run would show.
 */
export function gridFilters(rate: Rational, firstFrame: number, frames: number | undefined): string[] {
  return [
    // fps rounds its start to ticks of its input: on this clock every frame of the grid is a whole number of them.
    `settb=1/${gridClock(rate)}`,
    `fps=${formatRational(rate)}:start_time=${startTime(firstFrame, rate)}:round=near`,
    ...(frames === undefined ? [] : [`trim=end_frame=${frames}`]),
  ]
}

/** A picture that is alone comes twice, whatever time its packet gives it. */
export function aloneFilters({ alone = false }: VideoFacts): string[] {
  return alone ? ['tpad=stop_mode=clone:stop=1', 'trim=end_frame=2'] : []
}

/** Ticks per second, about 90 kHz, in which a frame of the grid lasts a whole number of ticks. */
function gridClock(rate: Rational): number {
  return rate.num * Math.max(1, Math.round(90_000 / rate.num))
}

/** Seconds with ffmpeg's microsecond in mind: half a microsecond more, so that its cut-off rounds to nearest. */
function startTime(firstFrame: number, rate: Rational): string {
  return ((firstFrame * rate.den) / rate.num + 5e-7).toFixed(7)
}

/** Size, shape, colour of the largest picture: 8-bit 4:2:0, square pixels, BT.709, limited range. */
export function pictureFilters(video: PictureFacts, width: number, height: number): string[] {
  const tag = 'setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv'
  if (video.dynamicRange !== 'sdr') return [...toneMapFilters(video, width, height), 'setsar=1', tag]

  const matrix = matrixOf(video)
  if (matrix === 'bt709' && zimgTakes(video)) {
    // Told what it reads: zscale takes nothing on trust, and a range that is not named is not squeezed.
    const named = tag.replace('range=tv', `range=${rangeOf(video)}`)
    return [steady(video), named, downscale(width, height), 'format=yuv420p', 'setsar=1', tag]
  }
  const scale = `scale=${width}:${height}:flags=bicubic:in_range=${rangeOf(video)}:out_range=tv`
  if (matrix === 'rgb') return [`${scale}:out_color_matrix=bt709`, 'format=yuv420p', 'setsar=1', tag]
  if (matrix === 'bt709') return [scale, 'format=yuv420p', 'setsar=1', tag]
  return [
    scale,
    // Ten bits until the matrix is changed, where the source has them.
    `format=${matrix === 'bt2020' ? 'yuv420p10' : 'yuv420p'}`,
    'setsar=1',
    // Converted, not just tagged. fast: same primaries to the eye (601), so no linear light; 2020's are not.
    `colorspace=all=bt709:iall=${matrix}:irange=tv:range=tv:fast=${matrix === 'bt2020' ? 0 : 1}:format=yuv420p`,
    tag,
  ]
}

/**
 * To another size by zimg: a third of the CPU of swscale's bicubic on full HD and nearer to the source's own detail
 * (docs/encoding.md). For 4:2:0 with even sides.
 */
export function downscale(width: number, height: number): string {
  return `zscale=${width}:${height}:f=lanczos:r=tv`
}

/** Hands pictures on untouched, but brings them back to their size where it changes in mid-stream: zscale ends there. */
function steady({ codedWidth, codedHeight, rotation }: PictureFacts): string {
  const turned = rotation % 180 !== 0
  return `scale=${turned ? codedHeight : codedWidth}:${turned ? codedWidth : codedHeight}:flags=bicubic`
}

/** What nearly every upload is. zimg refuses odd sides, and makes eight bits of ten without dither. */
function zimgTakes({ pixelFormat, codedWidth, codedHeight }: PictureFacts): boolean {
  return /^yuvj?420p$/.test(pixelFormat) && codedWidth % 2 === 0 && codedHeight % 2 === 0
}

/**
 * HDR to SDR. Scaled first: tone mapping works in 32-bit float and costs per pixel. setparams names what the
 * stream left out, since zscale on unknown colours makes ffmpeg 5.1 hang instead of failing (hls-rules.md 11).
 */
function toneMapFilters(video: PictureFacts, width: number, height: number): string[] {
  return [
    `scale=${width}:${height}:flags=bicubic`,
    'format=yuv420p10',
    `setparams=color_primaries=bt2020:color_trc=${hdrTransfer(video)}:colorspace=bt2020nc:range=${rangeOf(video)}`,
    // 100 cd/m2 is the white that SDR screens are graded for. Primaries in the same step: a third faster than apart.
    'zscale=t=linear:p=bt709:npl=100',
    'format=gbrpf32le',
    'tonemap=tonemap=hable:desat=0',
    'zscale=t=bt709:m=bt709:r=tv',
    'format=yuv420p',
  ]
}

/** HDR that stays HDR: size and shape alone, in 10-bit 4:2:0 and limited range; named as in toneMapFilters. */
export function hdrFilters(video: PictureFacts, width: number, height: number): string[] {
  return [
    `scale=${width}:${height}:flags=bicubic:in_range=${rangeOf(video)}:out_range=tv`,
    'format=yuv420p10',
    'setsar=1',
    `setparams=color_primaries=bt2020:color_trc=${hdrTransfer(video)}:colorspace=bt2020nc:range=tv`,
  ]
}

function hdrTransfer({ dynamicRange }: PictureFacts): string {
  return dynamicRange === 'pq' ? 'smpte2084' : 'arib-std-b67'
}

/** Pictures of standard size without tags are BT.601 by custom, larger ones BT.709. */
function matrixOf(video: PictureFacts): 'bt709' | 'bt601-6-525' | 'bt601-6-625' | 'bt2020' | 'rgb' {
  const { space } = video.colour
  if (/^(gbr|rgb|bgr|argb|abgr|rgba|bgra|0rgb|pal8|gray|mono|ya)/.test(video.pixelFormat) || space === 'gbr')
    return 'rgb'
  if (space === 'smpte170m' || space === 'fcc') return 'bt601-6-525'
  if (space === 'bt470bg') return 'bt601-6-625'
  if (space.startsWith('bt2020')) return 'bt2020'
  if (space !== 'unknown' || Math.min(video.codedWidth, video.codedHeight) > 576) return 'bt709'
  return 'bt601-6-625'
}

function rangeOf(video: PictureFacts): 'pc' | 'tv' {
  if (video.colour.range !== 'unknown') return video.colour.range
  return video.pixelFormat.startsWith('yuvj') ? 'pc' : 'tv'
}
