import { readFile } from 'node:fs/promises'
import { WorkerError } from '../../shared/errors.ts'
import type { Change } from '../environment/changes.ts'
import { decodeEnvironment } from '../environment/decode.ts'
import type { Version } from '../environment/parameters.ts'
import { type ParsedEnvironment, parseEnvironment, type Variables } from '../environment/parse.ts'
import { parameterOf, type Role, roles } from '../environment/roles.ts'
import { readStored, type Stored } from '../environment/write.ts'
import { type CommandContext, numberFlag, textFlag } from './context.ts'
import { CommandError } from './errors.ts'
import { alignRows, short } from './format.ts'
import { usage } from './parse.ts'
import type { CommandName } from './table.ts'

export interface Target {
  readonly role: Role
  /** The parameter. */
  readonly name: string
}

export function targetOf(context: CommandContext, command: CommandName): Target {
  const asked = textFlag(context, 'role')
  const role = roles.find((each) => each === asked)
  if (!role) throw usage(command, `--role must be ${roles.join(' or ')}`)
  return { role, name: textFlag(context, 'parameter') ?? parameterOf[role] }
}

/** The names of --drop. Throws `usage` when one of them is neither stored nor in the file: a slip would drop nothing. */
export function dropNames(
  context: CommandContext,
  command: CommandName,
  known: readonly Variables[],
): string[] {
  const names = (textFlag(context, 'drop') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const unknown = names.filter((name) => !known.some((variables) => variables.has(name)))
  if (unknown.length > 0) throw usage(command, `--drop: there is no ${unknown.join(', ')}`)
  return names
}

/** A .env from a file. Throws `not_found`, environment_unreadable. */
export async function readEnvironmentFile(path: string): Promise<ParsedEnvironment> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('not_found', `${path} cannot be read: ${error.code ?? error.message}`)
  })
  const parsed = parseEnvironment(decodeEnvironment(bytes))
  needReadable(parsed.problems, path)
  if (parsed.variables.size === 0) throw new WorkerError('environment_unreadable', `${path} has no variable`)
  return parsed
}

export function needReadable(problems: readonly string[], what: string): void {
  if (problems.length === 0) return
  const lines = [`${what} cannot be read without guessing:`, ...problems.map((line) => `- ${line}`)]
  throw new WorkerError('environment_unreadable', lines.join('\n'), { details: { problems } })
}

/** What is stored. Throws parameter_missing, environment_unreadable. */
export async function needStored({ ports, signal }: CommandContext, name: string): Promise<Stored> {
  const stored = await readStored(ports.parameters(), name, signal)
  needReadable(stored.problems, `${name}, version ${stored.number},`)
  return stored
}

/** The version that a flag names; the newest without one. Throws `usage`, parameter_missing. */
export function versionFlag(context: CommandContext, flag: string, versions: readonly Version[]): Version {
  const number = numberFlag(context, flag, { min: 1, max: Number.MAX_SAFE_INTEGER })
  const found = number === undefined ? versions.at(-1) : versions.find((version) => version.number === number)
  if (found) return found
  const [oldest, newest] = [versions[0]?.number, versions.at(-1)?.number]
  const kept = oldest === undefined ? 'there is none' : `${oldest} to ${newest} are kept`
  throw new WorkerError('parameter_missing', `There is no version ${number ?? ''}: ${kept}`)
}

const signs = { added: '+', changed: '~', emptied: '~', dropped: '-' } as const

/** `~ NAME  old -> new` each. */
export function changeLines(changes: readonly Change[]): string[] {
  const rows = changes.map(({ name, kind, before, after }) => {
    const value = kind === 'added' ? after : kind === 'dropped' ? before : `${before} -> ${after}`
    return [`${signs[kind]} ${name}`, short(`${value}`, 100)]
  })
  return alignRows(rows)
}

/** `+2 ~1 -0`, or the names themselves where they are few. */
export function changeSummary(changes: readonly Change[]): string {
  const words = changes.map(({ name, kind }) => `${signs[kind]}${name}`)
  return words.length === 0 ? 'nothing' : short(words.join(' '), 120)
}
