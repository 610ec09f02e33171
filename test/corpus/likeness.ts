/** The pictures of an output against those of its source, one by one. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * PSNR in dB of the picture of the output that is least like the source at its time: the source decoded from its start,
 * upright, in the output's size, the last picture held where none comes. Pictures without any difference count as 100.
 * rate: of the output.
 */
export async function leastLikeness(
  source: string,
  playlist: string,
  rate: number,
  signal: AbortSignal,
): Promise<number> {
  // In RGB: the output has the colours of BT.709, whatever those of the source are written in.
  const graph = [
    `[0:v:0]setpts=PTS-STARTPTS,fps=${rate}[pace]`,
    '[1:v:0]setpts=PTS-STARTPTS[out]',
    '[pace][out]scale2ref[scaled][made]',
    '[scaled]format=gbrp[from]',
    '[made]format=gbrp[to]',
    '[to][from]psnr=stats_file=-:shortest=1',
  ]
  const inputs = ['-i', source, '-allowed_extensions', 'ALL', '-i', playlist]
  const args = ['-v', 'error', '-nostdin', ...inputs, '-filter_complex', graph.join(';'), '-f', 'null', '-']
  const { stdout } = await run('ffmpeg', args, { signal, maxBuffer: 64 * 2 ** 20 })
  const found = [...stdout.matchAll(/psnr_avg:(\S+)/g)].map(([, db]) => (db === 'inf' ? 100 : Number(db)))
  if (found.length === 0) throw new Error('no picture could be compared')
  return Math.min(...found)
}
