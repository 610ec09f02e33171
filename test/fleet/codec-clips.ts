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

/** Static metadata of HDR10, as x265 takes it. */
export const masterDisplay = 'G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)'

/** The same in HDR: in 10 bits of PQ that says on what screen it was graded, or of HLG. */
export async function makeHdrClip(dir: string, range: 'pq' | 'hlg'): Promise<string> {
  const path = join(dir, `${range}.mp4`)
  const transfer = range === 'pq' ? 'smpte2084' : 'arib-std-b67'
  const about = range === 'pq' ? `:master-display=${masterDisplay}:max-cll=1000,400` : ''
  await run('ffmpeg', [
    ...['-v', 'error', '-nostdin', '-y', ...input, '-c:v', 'libx265', '-preset', 'ultrafast'],
    ...['-pix_fmt', 'yuv420p10le', '-x265-params', `log-level=error${about}`, '-c:a', 'aac'],
    ...[
      '-colorspace',
      'bt2020nc',
      '-color_primaries',
      'bt2020',
      '-color_trc',
      transfer,
      '-color_range',
      'tv',
    ],
    path,
  ])
  return path
}
