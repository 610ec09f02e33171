/** A minute of full HD: a camera's footage from the shared corpus where that is there, else a test picture. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../unit/house/sources.ts'

/** Ten seconds from an action camera, 848x480. */
const footage = join(root, '../shared/media/gopro-max-heromode.mp4')

/** Six times over and enlarged, with a camera's grain put back that the enlargement takes out. */
const fromCamera = [
  ...['-stream_loop', '6', '-i', footage, '-t', '60', '-r', '30'],
  ...['-vf', 'scale=1920:1080:flags=lanczos,noise=alls=6:allf=t,setsar=1'],
]
const fromTestPicture = [
  ...['-f', 'lavfi', '-i', 'testsrc2=size=1920x1080:rate=30:duration=60,noise=alls=12:allf=t'],
  ...['-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=48000:duration=60'],
]

/** Its path; made once and kept, since it takes longer than the measurement of a round. */
export async function makeMinute(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const kind = existsSync(footage) ? 'camera' : 'test-picture'
  const path = join(root, `node_modules/.cache/video-worker/bench-minute-${kind}-17M.mp4`)
  if (existsSync(path)) return path
  mkdirSync(dirname(path), { recursive: true })
  const half = `${path}.${process.pid}`
  const input = kind === 'camera' ? fromCamera : fromTestPicture
  // Phones and cameras write full HD at about 17 Mbit/s.
  const rate = ['-b:v', '17M', '-maxrate', '20M', '-bufsize', '20M']
  const picture = ['-c:v', 'libx264', '-preset', 'superfast', ...rate, '-pix_fmt', 'yuv420p']
  const rest = ['-c:a', 'aac', '-movflags', '+faststart', '-f', 'mp4', '-y', half]
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', ...input, ...picture, ...rest], {
    ...{ env, signal, killSignal: 'SIGKILL', stdio: ['ignore', 'ignore', 'inherit'] },
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`)
  renameSync(half, path)
  return path
}
