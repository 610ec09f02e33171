import { readFile } from 'node:fs/promises'
import { WorkerError } from '../../shared/errors.ts'
import { changesBetween } from '../environment/changes.ts'
import { decodeEnvironment } from '../environment/decode.ts'
import { parseEnvironment, type Variables } from '../environment/parse.ts'
import { common, needComplete, parameterOf, roles, warningsOf } from '../environment/roles.ts'
import { type CommandContext, numberFlag, show, textFlag } from './context.ts'
import { needStored, targetOf } from './env-shared.ts'
import { CommandError } from './errors.ts'
import { plural } from './format.ts'

/** What was held against the stored environment, and the variables that differ in it. */
interface Comparison {
  readonly what: string
  readonly differ: readonly string[]
}

export async function envVerify(context: CommandContext): Promise<void> {
  const { io, flags } = context
  const target = targetOf(context, 'env verify')
  const stored = await needStored(context, target.name)
  needComplete(target.role, stored.variables, `Version ${stored.number} of ${target.name}`)
  const warnings = warningsOf(target.role, stored.variables)
  for (const warning of warnings) io.tell(`warning: ${warning}`)

  const compared: Comparison[] = []
  const path = textFlag(context, 'file')
  if (path !== undefined)
    compared.push({ what: path, differ: differences(stored.variables, await fileVariables(path)) })
  const pid = numberFlag(context, 'pid', { min: 1, max: 2 ** 31 })
  if (pid !== undefined) {
    // A process has more than its environment's file gave it; only what is stored must be there.
    const differ = differences(stored.variables, await processVariables(pid), { more: true })
    compared.push({ what: `process ${pid}`, differ })
  }
  if (flags.both) {
    const other = roles.find((role) => role !== target.role)!
    const name = parameterOf[other]
    const { variables: theirs } = await needStored(context, name)
    const differ = common.filter((each) => {
      const [one, two] = [stored.variables.get(each), theirs.get(each)]
      return one !== undefined && two !== undefined && one.trim() !== two.trim()
    })
    compared.push({ what: name, differ })
  }

  const wrong = compared.filter(({ differ }) => differ.length > 0)
  const lines = compared.map(({ what, differ }) =>
    differ.length === 0 ? `${what} agrees` : `${what} differs: ${differ.join(', ')}`,
  )
  const { number, variables } = stored
  const enough = `version ${number} of ${target.name} is enough for the ${target.role} (${plural(variables.size, 'variable')})`
  show(context, { parameter: target.name, version: number, warnings, compared }, [enough, ...lines])
  if (wrong.length > 0) {
    const names = wrong.map(({ what }) => what).join(', ')
    throw new WorkerError('environment_differs', `${names}: not what is stored; pull, and recreate what runs`)
  }
}

/** Names whose values are not the same; with `more`, others may be there too. */
function differences(stored: Variables, other: Variables, { more = false } = {}): string[] {
  return changesBetween(stored, other)
    .filter(({ kind }) => !(more && kind === 'added'))
    .map(({ name }) => name)
}

async function fileVariables(path: string): Promise<Variables> {
  const bytes = await read(path)
  const text = decodeEnvironment(bytes)
  const { variables, problems } = parseEnvironment(text)
  // What docker reads holds quotes and backslashes as they are.
  return problems.length === 0 ? variables : literally(text.split(/\r?\n/))
}

async function processVariables(pid: number): Promise<Variables> {
  return literally((await read(`/proc/${pid}/environ`)).toString('utf8').split('\0'))
}

function literally(lines: readonly string[]): Variables {
  const pairs = lines.flatMap((line) => {
    const at = line.indexOf('=')
    return at < 1 || line.startsWith('#') ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
  })
  return new Map(pairs)
}

function read(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('not_found', `${path} cannot be read: ${error.code ?? error.message}`)
  })
}
