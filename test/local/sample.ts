/** A short video for those who have none at hand, and what ffprobe says of the length of one. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Kept from one run to the next; the name changes with what is in it. */
const cached = join(
  dirname(fileURLToPath(import.meta.url)),
  '../../node_modules/.cache/video-worker/sample-1080p-20s.mp4',
)

/** Full HD, 20 s: long enough for several segments and a visible progress, short enough to wait for. */
const sampleArgs = [
  ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', 'testsrc2=size=1920x1080:rate=30:duration=20'],
  ...['-f', 'lavfi', '-i', 'sine=frequency=330:beep_factor=4:sample_rate=48000:duration=20'],
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '20', '-pix_fmt', 'yuv420p', '-g', '60'],
  ...['-c:a', 'aac', '-b:a', '128k', '-movflags', '+faststart', '-f', 'mp4'],
]

/** The path of the sample, made on the first call. Throws signal.reason when aborted. */
export async function makeSample(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  if (existsSync(cached)) return cached
  mkdirSync(dirname(cached), { recursive: true })
  // Under its final name only when it is whole: two runs may make it at once, and either may be stopped.
  const half = `${cached}.${process.pid}`
  try {
    await runTool('ffmpeg', [...sampleArgs, '-y', half], env, signal)
    renameSync(half, cached)
  } finally {
    rmSync(half, { force: true })
  }
  return cached
}

/** Length of a video in seconds, or undefined when ffprobe cannot tell: the worker will say what is wrong. */
export async function videoSeconds(
  file: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number | undefined> {
  const args = ['-v', 'quiet', '-show_entries', 'format=duration', '-of', 'csv=p=0', '-i', file]
  const text = await runTool('ffprobe', args, env, signal).catch((error) => {
    signal.throwIfAborted()
    return String(error)
  })
  const seconds = Number.parseFloat(text)
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined
}

/** Runs a tool to its end, resolves with its standard output; killed and awaited when the signal says so. */
async function runTool(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted()
  const child = spawn(name, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  let output = ''
  let errors = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  child.stderr.on('data', (data) => {
    errors += data
  })
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    signal.throwIfAborted()
    if (code !== 0) throw new Error(`${name} failed: ${errors.trim() || `exit code ${code}`}`)
    return output
  } finally {
    signal.removeEventListener('abort', kill)
  }
}
