/** `npm run local` as a process of its own, in a temp folder that shows what it leaves behind. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../unit/house/sources.ts'

export interface LocalRun {
  /** Resolves with the match once the output has it; rejects when the process ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  /** Everything printed so far. */
  output(): string
  signal(name: NodeJS.Signals): void
  ended: Promise<number | null>
  /** What is still there of the run: files in its temp folder and processes that were started below it. */
  leftovers(): { files: string[]; processes: string[] }
  /** Kills what is left and removes the temp folder. */
  remove(): Promise<void>
}

export function startLocalRun(args: string[], changes: Record<string, string> = {}): LocalRun {
  const temp = mkdtempSync(join(tmpdir(), 'video-worker-run-'))
  const env = { ...process.env, TMPDIR: temp, NODE_OPTIONS: '', FORCE_COLOR: '0', ...changes }
  const child = spawn(process.execPath, [join(root, 'test/local/main.ts'), ...args], { cwd: root, env })
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const processes = () => processesIn(temp)
  return {
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(output)
          if (match === null) return
          listeners.delete(look)
          resolve(match)
        }
        listeners.add(look)
        look()
        void ended.then((code) => reject(new Error(`it ended with ${code} without ${pattern}:\n${output}`)))
      }),
    output: () => output,
    signal: (name) => child.kill(name),
    ended,
    leftovers: () => ({ files: readdirSync(temp), processes: processes().map((each) => each.command) }),
    async remove() {
      child.kill('SIGKILL')
      await ended
      for (const { pid } of processes()) process.kill(pid, 'SIGKILL')
      rmSync(temp, { recursive: true, force: true })
    },
  }
}

/** Every process with the folder in its command line or environment. Linux only, as the worker is. */
function processesIn(folder: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const read = (file: string) => {
        try {
          return readFileSync(`/proc/${name}/${file}`, 'utf8').replaceAll('\0', ' ')
        } catch {
          return ''
        }
      }
      const command = read('cmdline')
      return `${command} ${read('environ')}`.includes(folder) ? [{ pid: Number(name), command }] : []
    })
}
