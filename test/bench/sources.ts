/** Videos to measure with, made once and kept: a camera's footage where the shared corpus is there, else a test picture. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../unit/house/sources.ts'

/** Ten seconds from an action camera, 848x480. */
const footage = join(root, '../shared/media/gopro-max-heromode.mp4')
const folder = join(root, 'node_modules/.cache/video-worker')

/** Six times over and enlarged, with a camera's grain put back that the enlargement takes out. */
const fromCamera = [
  ...['-stream_loop', '6', '-i', footage, '-t', '60', '-r', '30'],
  ...['-vf', 'scale=1920:1080:flags=lanczos,noise=alls=6:allf=t,setsar=1'],
]
const fromTestPicture = [
  ...['-f', 'lavfi', '-i', 'testsrc2=size=1920x1080:rate=30:duration=60,noise=alls=12:allf=t'],
  ...['-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=48000:duration=60'],
]

export interface SourceSize {
  /** Up to 60, or whole minutes. */
  readonly seconds: number
  /** Of the picture, in pixels; its shape is 16:9. */
  readonly height: number
}

/** Tools' surroundings: where they are found, and when to give up. */
export interface Making {
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

const kind = () => (existsSync(footage) ? 'camera' : 'test-picture')

/** A minute of full HD; its path. Made once and kept, since it takes longer than the measurement of a round. */
export function makeMinute(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const input = kind() === 'camera' ? fromCamera : fromTestPicture
  // Phones and cameras write full HD at about 17 Mbit/s.
  const rate = ['-b:v', '17M', '-maxrate', '20M', '-bufsize', '20M']
  return kept(`bench-minute-${kind()}-17M.mp4`, [...input, ...encoder, ...rate, '-c:a', 'aac'], {
    env,
    signal,
  })
}

/** The minute in another size, or over and over for a longer video; its path. 30 pictures a second, with sound. */
export async function makeSource({ seconds, height }: SourceSize, making: Making): Promise<string> {
  if (seconds > 60) return repeated({ seconds, height }, making)
  const minute = await makeMinute(making.env, making.signal)
  if (seconds === 60 && height === 1080) return minute
  const kbps = Math.round(17_000 * (height / 1080) ** 1.5)
  return kept(
    `bench-${kind()}-${height}p-${seconds}s.mp4`,
    [
      ...['-i', minute, '-t', String(seconds), '-vf', `scale=-2:${height}:flags=bicubic,setsar=1`],
      ...[...encoder, '-b:v', `${kbps}k`, '-maxrate', `${kbps * 1.2}k`, '-bufsize', `${kbps * 1.2}k`],
      ...['-map', '0:v:0', '-map', '0:a:0', '-c:a', 'aac', '-write_tmcd', '0'],
    ],
    making,
  )
}

/** The minute as screen and lecture recorders write it: under the cap of its rung, a key frame each two seconds. */
export async function makeRecording(seconds: number, making: Making): Promise<string> {
  const minute = await makeMinute(making.env, making.signal)
  const colours = [
    '-colorspace',
    'bt709',
    '-color_primaries',
    'bt709',
    '-color_trc',
    'bt709',
    '-color_range',
    'tv',
  ]
  return kept(
    `bench-${kind()}-recording-${seconds}s.mp4`,
    [
      ...['-i', minute, '-t', String(seconds), '-map', '0:v:0', '-map', '0:a:0', '-vf', 'scale=out_range=tv'],
      ...[...encoder, ...colours, '-b:v', '4500k', '-maxrate', '5M', '-bufsize', '5M', '-g', '60'],
      ...['-c:a', 'aac', '-write_tmcd', '0'],
    ],
    making,
  )
}

/** The pictures as they are, so that ten minutes take seconds to make; the sound anew, else it has a hole at every seam. */
async function repeated({ seconds, height }: SourceSize, making: Making): Promise<string> {
  const once = await makeSource({ seconds: 60, height }, making)
  const loops = String(Math.ceil(seconds / 60) - 1)
  const name = `bench-${kind()}-${height}p-${seconds}s`
  if (existsSync(join(folder, `${name}.mp4`))) return join(folder, `${name}.mp4`)
  // Alone first: a file repeats by its longest stream, and AAC's last frame is longer than the pictures.
  const pictures = await kept(
    `${name}.pictures.mp4`,
    ['-i', once, '-map', '0:v:0', '-c', 'copy', '-write_tmcd', '0'],
    making,
  )
  const path = await kept(
    `${name}.mp4`,
    [
      ...['-stream_loop', loops, '-i', pictures, '-stream_loop', loops, '-i', once],
      ...['-map', '0:v:0', '-map', '1:a:0', '-c:v', 'copy', '-write_tmcd', '0'],
      ...['-af', `asetpts=N/SR/TB,apad,atrim=end=${seconds}`, '-c:a', 'aac'],
    ],
    making,
  )
  rmSync(pictures, { force: true })
  return path
}

const encoder = ['-c:v', 'libx264', '-preset', 'superfast', '-pix_fmt', 'yuv420p']

/** Under its name only when it is whole: two runs may make it at once, and either may be stopped. */
async function kept(name: string, args: string[], { env, signal }: Making): Promise<string> {
  const path = join(folder, name)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  const half = `${path}.${process.pid}`
  const output = ['-movflags', '+faststart', '-f', 'mp4', '-y', half]
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', ...args, ...output], {
    ...{ env, signal, killSignal: 'SIGKILL', stdio: ['ignore', 'ignore', 'inherit'] },
  })
  try {
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`ffmpeg ended with ${code}`)
    renameSync(half, path)
  } finally {
    rmSync(half, { force: true })
  }
  return path
}
