import type { Env } from '../../shared/config.ts'
import { CommandError } from './errors.ts'
import type { Input } from './parse.ts'
import type { Ports } from './ports.ts'

/** Where a command's words go and come from; main.ts makes the real one. */
export interface CommandIo {
  readonly env: Env
  /** Whether a person sees standard output. */
  readonly isTerminal: boolean
  /** Who runs the command, for the log of whoever is told to do something. */
  readonly user: string
  print(text: string): void
  /** Beside the result: progress, warnings, errors. */
  tell(text: string): void
  /** The answer of a person; undefined where nobody can be asked. */
  readonly ask: ((question: string, signal: AbortSignal) => Promise<string>) | undefined
  /** Aborted with a CommandError('interrupted') on SIGINT or SIGTERM. */
  readonly signal: AbortSignal
}

export interface CommandContext extends Input {
  readonly io: CommandIo
  readonly ports: Ports
  readonly json: boolean
  readonly signal: AbortSignal
}

/** Prints the result: `value` with --json, else the lines. */
export function show(context: CommandContext, value: unknown, lines: readonly string[]): void {
  context.io.print(context.json ? JSON.stringify(value, undefined, 2) : lines.join('\n'))
}

/** Before what cannot be undone. Resolves when it may go on; throws `refused`, or `interrupted` on a no. */
export async function confirm({ flags, io, signal }: CommandContext, what: string): Promise<void> {
  if (flags.yes) return
  if (!io.ask) throw new CommandError('refused', `${what}? Nobody can be asked here: add --yes`)
  const answer = await io.ask(`${what}? [y/N] `, signal)
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new CommandError('interrupted', 'Nothing was done.')
}

export function textFlag({ flags }: Input, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A flag's number; throws `usage` when it is none or out of range. */
export function numberFlag(
  input: Input,
  name: string,
  { min, max, whole = true }: { min: number; max: number; whole?: boolean },
): number | undefined {
  const text = textFlag(input, name)
  if (text === undefined) return undefined
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return value
  throw new CommandError(
    'usage',
    `--${name} must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}: "${text}"`,
  )
}
