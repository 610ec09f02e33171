/** What a player would see of a finished output, measured by ffprobe and not taken from the worker's words. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { leastLikeness } from './likeness.ts'
import type { Want } from './manifest.ts'
import { beepsOf, flashesOf, pairs } from './marks.ts'
import type { Measured } from './verdict.ts'

const run = promisify(execFile)

export interface Best {
  /** Of the rendition with the largest picture, relative to the master. */
  readonly video: string | undefined
  /** Of the first rendition of sound with a playlist of its own; without pictures, of the first variant. */
  readonly audio: string | undefined
}

/** Picks what is measured out of a master playlist. */
export function bestOf(master: string): Best {
  const lines = master.split('\n')
  let video: { uri: string; pixels: number } | undefined
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith('#EXT-X-STREAM-INF:')) continue
    const [, wide = 0, high = 0] = (/RESOLUTION=(\d+)x(\d+)/.exec(line) ?? []).map(Number)
    const uri = lines[index + 1]?.trim() ?? ''
    if (wide > 0 && (!video || wide * high > video.pixels)) video = { uri, pixels: wide * high }
  }
  const sound = lines.find((line) => line.startsWith('#EXT-X-MEDIA:') && line.includes('TYPE=AUDIO'))
  const first = lines.find((line) => line !== '' && !line.startsWith('#'))?.trim()
  const audio = /URI="([^"]+)"/.exec(sound ?? '')?.[1] ?? (video ? undefined : first)
  return { video: video?.uri, audio }
}

/**
 * Reads the output below a master playlist on disk, and more closely what is wanted of it: `pairs` where its source shows
 * flashes and beeps, `alike` where its pictures are held against the source's. Rejects when it cannot be read at all.
 */
export async function measureOutput(
  master: string,
  { source, want }: { source: string; want: Want },
  signal: AbortSignal,
): Promise<Measured> {
  const best = bestOf(await readFile(master, 'utf8'))
  const folder = dirname(master)
  if (best.video === undefined) return measureSound(best.audio && join(folder, best.audio), signal)
  const path = join(folder, decodeURIComponent(best.video))
  const listed = await probe(path, signal)
  const picture = listed.streams.find((stream) => stream.codec_type === 'video')
  const times = listed.packets.filter((packet) => packet.stream_index === picture?.index)
  if (!picture || times.length === 0) throw new Error('the best rendition has no pictures')
  const [over = 0, under = 1] = (picture.r_frame_rate ?? '').split('/').map(Number)
  const [wide = 1, high = 1] = (picture.sample_aspect_ratio ?? '1:1').split(':').map(Number)
  const rate = over / under
  const starts = times.map(({ pts_time }) => Number(pts_time))
  const heard = best.audio === undefined ? path : join(folder, best.audio)
  const sound = heard === path ? listed : await probe(heard, signal)
  const audio = sound.streams.some(
    ({ codec_type, index }) =>
      codec_type === 'audio' && sound.packets.some((packet) => packet.stream_index === index),
  )
  return {
    ...{ width: Math.round((picture.width * wide) / high), height: picture.height, rate },
    frames: times.length,
    seconds: Math.max(...starts) - Math.min(...starts) + 1 / rate,
    audio,
    ...(want.alike === undefined ? {} : { leastDb: await leastLikeness(source, path, rate, signal) }),
    ...(want.pairs !== undefined && audio
      ? { offsets: pairs(await flashesOf(path, rate, signal), await beepsOf(heard, signal)) }
      : {}),
  }
}

/** AAC has a frame for 1024 samples: about so many a second. */
const soundRate = 48_000 / 1024

/** Of sound alone: a picture of nothing, and its length. */
async function measureSound(playlist: string | undefined, signal: AbortSignal): Promise<Measured> {
  if (playlist === undefined) throw new Error('the master playlist has neither pictures nor sound')
  const { packets } = await probe(playlist, signal)
  const starts = packets.map(({ pts_time }) => Number(pts_time))
  if (starts.length === 0) throw new Error('the rendition of sound is empty')
  const seconds = Math.max(...starts) - Math.min(...starts) + 1 / soundRate
  return { ...{ width: 0, height: 0, rate: soundRate, frames: 0 }, seconds, audio: true }
}

interface Probed {
  streams: {
    index: number
    codec_type: string
    width: number
    height: number
    r_frame_rate?: string
    sample_aspect_ratio?: string
  }[]
  packets: { stream_index: number; pts_time: string }[]
}

async function probe(playlist: string, signal: AbortSignal): Promise<Probed> {
  const shown =
    'stream=index,codec_type,width,height,r_frame_rate,sample_aspect_ratio:packet=stream_index,pts_time'
  const args = ['-v', 'error', '-allowed_extensions', 'ALL', '-show_entries', shown, '-of', 'json', playlist]
  const { stdout } = await run('ffprobe', args, { signal, maxBuffer: 256 * 2 ** 20 })
  const { streams = [], packets = [] } = JSON.parse(stdout) as Partial<Probed>
  return { streams, packets }
}
