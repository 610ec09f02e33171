/** The worker's own ffmpeg commands, taken from its log and run without a worker. */
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { monotonicMs } from '../../shared/time.ts'

/**
 * Runs the commands at once, as the worker does, with the file itself as their input and `folder` for their
 * output. Resolves with the wall seconds until the last one ended.
 */
export async function runBare(
  commands: string[],
  source: string,
  folder: string,
  signal: AbortSignal,
): Promise<number> {
  rmSync(folder, { recursive: true, force: true })
  const lines = commands.map((command, index) => rebase(command, source, join(folder, String(index))))
  const startedMs = monotonicMs()
  await Promise.all(lines.map((line) => run(line, signal)))
  return (monotonicMs() - startedMs) / 1000
}

/** The same command for a file instead of the loopback address, and another folder for its output. */
function rebase(command: string, source: string, folder: string): string {
  const local = command
    .replace(/'?http:\/\/127\.0\.0\.1:\d+\/[^' ]+'?/g, source)
    .replace(/(-protocol_whitelist) \S+/, '$1 file,crypto,data')
  const outputs = [...local.matchAll(/(\/\S*?\/scratch\/\S+?)\/((?:\S+?\/)?[^/ ']+\.(?:m3u8|m4s|mp4|jpg))/g)]
  const roots = new Set(outputs.map(([, root]) => root!))
  let moved = local
  for (const root of [...roots].sort((one, other) => other.length - one.length)) {
    moved = moved.replaceAll(root, join(folder, root.split('/scratch/')[1]!))
  }
  for (const [path] of moved.matchAll(new RegExp(`${folder}[^' ]+`, 'g'))) {
    mkdirSync(dirname(path), { recursive: true })
  }
  return moved
}

async function run(line: string, signal: AbortSignal): Promise<void> {
  const child = spawn('/bin/sh', ['-c', `exec ${line}`], { stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  let errors = ''
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-2000)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  signal.removeEventListener('abort', kill)
  signal.throwIfAborted()
  if (code !== 0) throw new Error(`the bare command ended with ${code}: ${errors}\n${line}`)
}
