/** Two ways to encode one clip: what the worker runs, and the reference. Each is one ffmpeg for all pictures. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { audioArgs } from '../../worker/media/args-audio.ts'
import { videoChunkArgs } from '../../worker/media/args-video.ts'
import type { FilmFacts } from '../../worker/media/facts.ts'
import { clockFilters, gridFilters } from '../../worker/media/filters.ts'
import type { Rendition } from '../../worker/media/ladder.ts'
import type { Profile } from '../../worker/media/profile.ts'
import { planSounds } from '../../worker/media/sounds.ts'
import { formatRational, framesToSeconds, type Grid } from '../../worker/media/timeline.ts'
import { runCosted } from './child.ts'

export interface Opened {
  path: string
  /** The same file on loopback: the worker's ffmpeg reads nothing else. */
  url: string
  facts: FilmFacts
  /** Two renditions. */
  ladder: readonly Rendition[]
  grid: Grid
  signal: AbortSignal
}

export interface Encoded {
  cpuSeconds: number
  /** In the ladder's order. With the reference they hold the sound too. */
  renditions: { bytes: number; ssim: number }[]
  soundBytes: number
}

/** The worker's own commands at these crfs; `folder` is made new. SSIM only when asked for: it takes a while. */
export async function encodeOurs(
  clip: Opened,
  profile: Profile,
  crfs: readonly number[],
  folder: string,
  look = true,
): Promise<Encoded> {
  const { facts, grid, signal } = clip
  const ladder = clip.ladder.map((rendition, rung) => ({ ...rendition, crf: crfs[rung]! }))
  const source = { url: clip.url, facts, threads: 0, maxPixels: 67_108_864, grid, profile }
  fresh(folder, ...ladder.map(({ name }) => name), ...facts.audio.map((_, track) => `audio-${track}`))
  let cpuSeconds = 0
  for (const chunk of grid.chunks) {
    const args = videoChunkArgs({ ...source, ladder, chunk, outDir: folder })
    cpuSeconds += (await runCosted(['ffmpeg', ...args], signal)).cpuSeconds
  }
  const seconds = framesToSeconds(grid.totalFrames, grid.rate)
  for (const [index, sound] of planSounds(facts, profile).entries()) {
    const args = audioArgs({ ...source, sound, seconds, outDir: join(folder, `audio-${index}`) })
    cpuSeconds += (await runCosted(['ffmpeg', ...args], signal)).cpuSeconds
  }
  const sound = facts.audio.map((_, track) => mediaBytes(join(folder, `audio-${track}`)))
  const renditions = await measure(clip, folder, look)
  return { cpuSeconds, renditions, soundBytes: sound.reduce((total, bytes) => total + bytes, 0) }
}

/** libx264's default preset at these average bit rates in kbit/s, GOP 48, sound in every rendition, MPEG-TS. */
export async function encodeReference(
  clip: Opened,
  ratesKbps: readonly number[],
  folder: string,
  look = true,
): Promise<Encoded> {
  const { facts, ladder, grid, path, signal } = clip
  fresh(folder, ...ladder.map(({ name }) => name))
  const pictures = [...clockFilters(facts), `fps=${formatRational(grid.rate)}`].join(',')
  const scales = ladder.map(
    ({ width, height }, rung) => `[in${rung}]scale=${width}:${height},format=yuv420p,setsar=1[out${rung}]`,
  )
  const inputs = ladder.map((_, rung) => `[in${rung}]`).join('')
  const graph = [`[0:${facts.video.index}]${pictures},split=${ladder.length}${inputs}`, ...scales].join(';')
  const outputs = ladder.flatMap(({ name }, rung) => [
    ...['-map', `[out${rung}]`, '-c:v', 'libx264', '-b:v', `${ratesKbps[rung]}k`],
    ...['-g', '48', '-keyint_min', '48', '-sc_threshold', '0'],
    ...facts.audio.flatMap(({ index }) => ['-map', `0:${index}`, '-c:a', 'aac', '-b:a', '128k', '-ac', '2']),
    ...['-f', 'hls', '-hls_time', '6', '-hls_playlist_type', 'vod', '-hls_segment_type', 'mpegts'],
    ...['-hls_segment_filename', join(folder, name, 'seg-%05d.ts'), join(folder, name, 'index.m3u8')],
  ])
  const words = ['ffmpeg', '-v', 'error', '-nostdin', '-copyts', '-i', path, '-filter_complex', graph]
  const { cpuSeconds } = await runCosted([...words, ...outputs], signal)
  return { cpuSeconds, renditions: await measure(clip, folder, look), soundBytes: 0 }
}

/** "x264 - core 164" writes itself into every stream it makes. */
export function x264Version(folder: string): string {
  const first = mediaFiles(folder).find((file) => /seg/.test(file))
  return /x264 - (core \d+)/.exec(first === undefined ? '' : readFileSync(first, 'latin1'))?.[1] ?? 'unknown'
}

function fresh(folder: string, ...names: string[]): void {
  rmSync(folder, { recursive: true, force: true })
  for (const name of names) mkdirSync(join(folder, name), { recursive: true })
}

async function measure(clip: Opened, folder: string, look: boolean): Promise<Encoded['renditions']> {
  const renditions = []
  for (const rendition of clip.ladder) {
    const bytes = mediaBytes(join(folder, rendition.name))
    renditions.push({ bytes, ssim: look ? await ssim(clip, rendition, folder) : Number.NaN })
  }
  return renditions
}

/** Init segment first, then the segments in order. */
function mediaFiles(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /\.(m4s|mp4|ts)$/.test(name))
  return names.sort().map((name) => join(folder, name))
}

function mediaBytes(folder: string): number {
  return mediaFiles(folder).reduce((total, file) => total + statSync(file).size, 0)
}

/**
 * SSIM of the brightness, mean of all pictures, against the source at the rendition's size. The scaler is one that
 * neither side uses (zimg, spline36). Pictures are compared by number: both sides have every picture of the grid.
 */
async function ssim(clip: Opened, rendition: Rendition, folder: string): Promise<number> {
  const { facts, grid, path, signal } = clip
  const joined = join(folder, `${rendition.name}.joined`)
  writeFileSync(
    joined,
    Buffer.concat(mediaFiles(join(folder, rendition.name)).map((file) => readFileSync(file))),
  )
  const source = [...clockFilters(facts), ...gridFilters(grid.rate, 0, undefined)]
  const size = `zscale=${rendition.width}:${rendition.height}:f=spline36`
  const count = 'settb=1/1000,setpts=N'
  const graph = [
    `[0:v]${count}[coded]`,
    `[1:${facts.video.index}]${source.join(',')},format=yuv420p,${size},${count}[source]`,
    '[coded][source]ssim=shortest=1',
  ].join(';')
  const words = [
    'ffmpeg',
    '-hide_banner',
    '-nostdin',
    '-progress',
    'pipe:1',
    '-i',
    joined,
    '-copyts',
    '-i',
    path,
  ]
  const { stdout, stderr } = await runCosted(
    [...words, '-filter_complex', graph, '-an', '-f', 'null', '-'],
    signal,
  )
  rmSync(joined)
  const compared = Number([...stdout.matchAll(/^frame=\s*(\d+)/gm)].at(-1)?.[1])
  const wanted = grid.totalFrames
  if (!(Math.abs(compared - wanted) <= 2)) throw new Error(`${compared} of ${wanted} pictures compared`)
  return Number(/SSIM Y:([\d.]+)/.exec(stderr)?.[1])
}
