/** Programs that build and run containers, with what they say kept for the one who has to look. */
import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'

export interface Ended {
  readonly code: number | null
  /** Standard output. */
  readonly out: string
  /** Standard error. */
  readonly err: string
}

export interface ToolOptions {
  readonly signal: AbortSignal
  /** Everything that is said goes there too. */
  readonly logFile: string
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Resolves however it ended; rejects with the signal's reason, and when it cannot be started. */
export async function tryTool(words: readonly string[], options: ToolOptions): Promise<Ended> {
  const { signal, logFile, cwd, env = process.env } = options
  signal.throwIfAborted()
  appendFileSync(logFile, `\n$ ${words.join(' ')}\n`)
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
  const child = spawn(words[0]!, words.slice(1), { env, stdio, ...(cwd ? { cwd } : {}) })
  const kill = () => child.kill('SIGTERM')
  signal.addEventListener('abort', kill)
  let out = ''
  let err = ''
  child.stdout.on('data', (data) => {
    out += data
    appendFileSync(logFile, data)
  })
  child.stderr.on('data', (data) => {
    err += data
    appendFileSync(logFile, data)
  })
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    signal.throwIfAborted()
    return { code, out, err }
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** Its standard output, trimmed. Rejects with the last lines that it said when it fails. */
export async function runTool(words: readonly string[], options: ToolOptions): Promise<string> {
  const { code, out, err } = await tryTool(words, options)
  if (code === 0) return out.trim()
  const last = `${out}\n${err}`.trim().split('\n').slice(-15).join('\n')
  throw new Error(
    `${words.slice(0, 3).join(' ')} … ended with ${code}; all of it is in ${options.logFile}\n${last}`,
  )
}
