/** Real worker processes (`node worker/main.ts`) beside the local stack, and their logs. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sleep } from '../../shared/time.ts'

/** The flags and variables that production starts a worker with. */
const asDeployed = createRequire(import.meta.url)('../../ecosystem.config.cjs').apps[0] as {
  node_args: string[]
  env: Record<string, string>
}
const program = join(dirname(fileURLToPath(import.meta.url)), '../../worker/main.ts')

/** A worker that was told to stop and has not ended by then is killed; it drains within 3 s here (session.ts). */
const stopGraceMs = 10_000

export interface Worker {
  name: string
  /** Of the worker itself: what wraps it replaces itself by it. */
  pid: number
  logFile: string
  /** Resolves when it ended, with how: `exit code 69`, `SIGKILL`. */
  ended: Promise<string>
  /** SIGTERM, and SIGKILL when it does not listen. Resolves when it is gone. */
  stop(): Promise<void>
  /** Sends a signal to the worker's own process. */
  kill(signal: NodeJS.Signals): void
}

export interface WorkerInput {
  name: string
  /** The whole environment of the process. */
  env: NodeJS.ProcessEnv
  /** Where its log goes. */
  folder: string
}

export function startWorker({ name, env, folder }: WorkerInput): Worker {
  const logFile = join(folder, `${name}.log`)
  const log = openSync(logFile, 'a')
  // Its own process group: Ctrl-C in the terminal must reach us alone, who stop it in the right order. And it
  // gets SIGTERM when we die without having stopped it.
  const command = [process.execPath, ...asDeployed.node_args, program]
  const wrapped = existsSync('/usr/bin/setpriv')
    ? ['/usr/bin/setpriv', '--pdeathsig', 'TERM', ...command]
    : command
  const child = spawn(wrapped[0]!, wrapped.slice(1), {
    env: { ...asDeployed.env, ...env },
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const ended = endOf(child)
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    ended,
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM')
      const patience = new AbortController()
      const late = sleep(stopGraceMs, { signal: patience.signal }).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      )
      await ended
      patience.abort()
      await late
    },
  }
}

async function endOf(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = await once(child, 'close')
    return signal ?? `exit code ${code}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The last lines of a worker's log, readable: level, message, error. */
export function logTail(worker: Worker, lines = 20): string[] {
  const all = readFileSync(worker.logFile, 'utf8').trimEnd().split('\n')
  return all.slice(-lines).map(readable)
}

function readable(line: string): string {
  try {
    const { level, msg, err, ...rest } = JSON.parse(line)
    const error = err?.message === undefined ? '' : `: ${err.code ?? err.type ?? ''} ${err.message}`
    const facts = ['job', 'stage', 'outcome'].flatMap((key) => (key in rest ? [`${key}=${rest[key]}`] : []))
    return [level, `${msg}${error}`, ...facts].join(' ')
  } catch {
    return line
  }
}
