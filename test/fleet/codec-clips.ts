import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const clipSeconds = 8

/** Eight seconds that move, with sound, small enough for encoders that take their time. */
const input = [
  ...['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=25:duration=${clipSeconds}`],
  ...['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${clipSeconds}`],
]

export async function makeSmallClip(dir: string): Promise<string> {
  const path = join(dir, 'small.mp4')
  const pictures = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
  await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...input, ...pictures, '-c:a', 'aac', path])
  return path
}
