/** What the tests of source and upload share: a real bucket over HTTP, a real ffmpeg, a video to read. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorage, type Storage, type StorageHooks } from '../../../shared/storage.ts'
import { type S3Server, startS3 } from '../../local/s3/server.ts'

export interface Bench {
  readonly dir: string
  readonly scratch: string
  readonly s3: S3Server
  readonly storage: Storage
  close(): Promise<void>
}

/** A bucket with a client that loses its patience fast, and a scratch folder; all removed by close(). */
export async function startBench(hooks: StorageHooks = {}): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'video-worker-job-'))
  const scratch = join(dir, 'scratch')
  await mkdir(scratch)
  const s3 = await startS3({ dir: join(dir, 'bucket') })
  const storage = openStorage(r2Of(s3), { stallMs: 3000, backoff: { base: 0.02, cap: 0.1 }, ...hooks })
  return {
    dir,
    scratch,
    s3,
    storage,
    async close() {
      storage.close()
      await s3.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

export function r2Of(s3: S3Server) {
  const { endpoint, accessKey, secretKey, bucket } = s3
  return { endpoint, accessKey, secretKey, bucket, region: 'auto', prefix: '' }
}

export interface FfmpegRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; onOutput hears of the first bytes on stdout. Killed by the signal. */
export async function run(
  bin: 'ffmpeg' | 'ffprobe',
  args: string[],
  options: { signal?: AbortSignal; onOutput?(): void; onStart?(pid: number): void } = {},
): Promise<FfmpegRun> {
  const child = spawn(bin, ['-hide_banner', '-loglevel', 'warning', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
    ...(options.signal && { signal: options.signal }),
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.once('data', () => options.onOutput?.())
  child.stdout.on('data', (chunk) => out.push(chunk))
  child.stderr.on('data', (chunk) => err.push(chunk))
  child.on('error', () => {})
  if (child.pid) options.onStart?.(child.pid)
  const [code] = await once(child, 'close')
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
}

/** A noisy video of about 30 MB in an mp4 whose index is at the end, as cameras and ffmpeg write it. */
export async function makeVideo(path: string, seconds = 20): Promise<number> {
  const picture = `testsrc2=size=640x360:rate=25:duration=${seconds},noise=alls=60:allf=t`
  const { code, stderr } = await run('ffmpeg', [
    ...['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', `sine=440:duration=${seconds}`],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-g',
      '50',
      '-b:v',
      '12M',
      '-minrate',
      '12M',
      '-bufsize',
      '4M',
    ],
    ...['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-shortest', '-y', path],
  ])
  if (code !== 0) throw new Error(`The test video could not be made: ${stderr}`)
  return (await stat(path)).size
}

/** Every packet of every stream as a line: equal for two readings only if all bytes were. */
export function hashArgs(input: string): string[] {
  return ['-nostdin', '-i', input, '-map', '0', '-c', 'copy', '-f', 'framemd5', '-']
}
