/** A minute of full HD: real footage from the shared corpus where that is there, else a test picture with grain. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../unit/house/sources.ts'

/** Ten seconds of a city at 1080p, from a camera phone. */
const footage = join(root, '../shared/media/androidx-edit_list_positive_shift.mp4')

export async function makeMinute(path: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const input = existsSync(footage)
    ? ['-stream_loop', '5', '-i', footage, '-t', '60']
    : [
        ...['-f', 'lavfi', '-i', 'testsrc2=size=1920x1080:rate=30:duration=60,noise=alls=12:allf=t'],
        ...['-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=48000:duration=60'],
      ]
  const codecs = [
    '-c:v',
    'libx264',
    '-preset',
    'superfast',
    '-crf',
    '18',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
  ]
  const args = ['-v', 'error', '-nostdin', ...input, ...codecs, '-movflags', '+faststart', '-y', path]
  const child = spawn('ffmpeg', args, {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
    signal,
    killSignal: 'SIGKILL',
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`)
  return path
}
