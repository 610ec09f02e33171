/** The operators' commands inside this process: what they print, and how they end. */
import type { CommandIo } from '../../deploy/commands/context.ts'
import { runCommand } from '../../deploy/commands/run.ts'

export interface Ended {
  readonly exit: number
  /** Standard output. */
  readonly out: string
  /** Standard error. */
  readonly err: string
  /** The document that --json printed. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of it.
  readonly json: any
}

export interface CommandOptions extends Partial<Pick<CommandIo, 'ask' | 'isTerminal' | 'signal'>> {
  /** Told of each text that is printed. */
  readonly onPrint?: (text: string) => void
}

/** `env`: what the process would have; its credentials of AWS are put where the SDK looks for them. */
export function commandLine(env: Readonly<Record<string, string>>) {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) process.env[name] = env[name]

  return async (argv: readonly string[], options: CommandOptions = {}): Promise<Ended> => {
    const { ask, isTerminal = false, signal = new AbortController().signal, onPrint } = options
    let out = ''
    let err = ''
    const print = (text: string) => {
      out += `${text}\n`
      onPrint?.(text)
    }
    const tell = (text: string) => {
      err += `${text}\n`
    }
    const exit = await runCommand(argv, { env, isTerminal, user: 'ann@desk', print, tell, ask, signal })
    const json =
      argv.includes('--json') && !argv.includes('--watch') && out !== '' ? JSON.parse(out) : undefined
    return { exit, out, err, json }
  }
}
