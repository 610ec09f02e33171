/** Programs that a benchmark starts, and what they cost. */
import { spawn } from 'node:child_process'

export interface Cost {
  /** User and system time of the program, all its threads. */
  cpuSeconds: number
  /** What it printed. */
  stdout: string
  stderr: string
}

/**
 * Runs a program to its end. Node tells no child's CPU time, a shell does: `times` prints it for the shell and, on
 * its last line, for what the shell ran. Rejects with the end of stderr when the program fails.
 */
export async function runCosted(words: string[], signal: AbortSignal, cwd?: string): Promise<Cost> {
  signal.throwIfAborted()
  const script = '"$@"; code=$?; times >&3; exit $code'
  const child = spawn('/bin/sh', ['-c', script, 'sh', ...words], {
    ...{ stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true },
    ...(cwd === undefined ? {} : { cwd }),
  })
  // The whole group: the program is the shell's child.
  const kill = () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  const texts: [string, string, string] = ['', '', '']
  for (const index of [0, 1, 2] as const) {
    child.stdio[index + 1]?.on('data', (data: Buffer) => {
      texts[index] += data
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).finally(() => signal.removeEventListener('abort', kill))
  signal.throwIfAborted()
  const [stdout, stderr, times] = texts
  if (code !== 0) throw new Error(`${words[0]} ended with ${code}: ${stderr.slice(-1000).trim()}`)
  return { cpuSeconds: childSeconds(times), stdout, stderr }
}

/** Of `0m0.01s 0m0.00s\n1m2.50s 0m0.25s`: the last line, added up. */
export function childSeconds(times: string): number {
  const last = times.trim().split('\n').at(-1) ?? ''
  const parts = [...last.matchAll(/(\d+)m([\d.]+)s/g)]
  if (parts.length !== 2) throw new Error(`the shell’s times are not understood: ${times}`)
  return parts.reduce((total, [, minutes, seconds]) => total + Number(minutes) * 60 + Number(seconds), 0)
}
