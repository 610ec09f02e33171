/** Small videos for the tests of the whole stack. */
import { execFileSync } from 'node:child_process'

/** A moving test picture with a tone. */
export function makeVideo(path: string, { size = '640x360', seconds = 10 } = {}): string {
  const picture = `testsrc2=size=${size}:rate=25:duration=${seconds}`
  const sound = `sine=frequency=440:sample_rate=48000:duration=${seconds}`
  const input = ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound]
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...input, ...codecs, '-y', path])
  return path
}
