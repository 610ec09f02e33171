import { changesBetween, merge, needNamed } from '../environment/changes.ts'
import { noParameter } from '../environment/parameters.ts'
import { parseEnvironment, type Variables } from '../environment/parse.ts'
import { needsQuotes, renderEnvironment, tierFor } from '../environment/render.ts'
import { needComplete, warningsOf } from '../environment/roles.ts'
import { type Replaceable, readReplaceable, writeVersion } from '../environment/write.ts'
import { type CommandContext, confirm, show, textFlag } from './context.ts'
import {
  changeLines,
  dropNames,
  needReadable,
  readEnvironmentFile,
  type Target,
  targetOf,
  versionFlag,
} from './env-shared.ts'
import { CommandError } from './errors.ts'
import { plural } from './format.ts'
import { usage } from './parse.ts'

export async function envPush(context: CommandContext): Promise<void> {
  const { ports, signal, flags, io } = context
  const target = targetOf(context, 'env push')
  const path = context.args[0]!
  const file = await readEnvironmentFile(path)
  if (file.comments > 0) io.tell(`${plural(file.comments, 'line')} of comments are not stored`)

  const stored = await readReplaceable(ports.parameters(), target.name, signal)
  const replace = Boolean(flags.replace)
  // What cannot be read cannot be merged with; the way out is a whole file.
  if (!replace) needReadable(stored.problems, `${target.name}, version ${stored.number},`)
  const drop = dropNames(context, 'env push', [stored.variables, file.variables])
  const variables = merge(stored.variables, file.variables, { drop, replace })
  needComplete(target.role, variables, `What would be stored in ${target.name}`)
  await store(context, { target, stored, variables, description: 'env push' })
}

export async function envRollback(context: CommandContext): Promise<void> {
  const { ports, signal } = context
  const target = targetOf(context, 'env rollback')
  if (textFlag(context, 'to') === undefined) throw usage('env rollback', '--to is missing')
  const stored = await readReplaceable(ports.parameters(), target.name, signal)
  const versions = await ports.parameters().history(target.name, signal)
  if (stored.number === 0) throw noParameter(target.name)
  const old = versionFlag(context, 'to', versions)
  const { variables, problems } = parseEnvironment(old.value)
  needReadable(problems, `${target.name}, version ${old.number},`)
  needComplete(target.role, variables, `Version ${old.number} of ${target.name}`)
  const drop = dropNames(context, 'env rollback', [stored.variables])
  needNamed(stored.variables, variables, drop)
  await store(context, { target, stored, variables, description: `env rollback to version ${old.number}` })
}

interface Plan {
  readonly target: Target
  readonly stored: Replaceable
  readonly variables: Variables
  /** What the history says of it. */
  readonly description: string
}

/** Shows what would change, asks, and writes. */
async function store(context: CommandContext, plan: Plan): Promise<void> {
  const { ports, signal, flags, io } = context
  const { target, stored, variables, description } = plan
  const changes = changesBetween(stored.variables, variables)
  const tier = tierFor(renderEnvironment(variables), stored.tier)
  const warnings = warningsOf(target.role, variables)
  const quoted = [...variables].filter(([, value]) => needsQuotes(value)).map(([name]) => name)
  if (quoted.length > 0)
    warnings.push(`${quoted.join(', ')}: stored in quotes, so docker needs env pull --format docker`)
  if (tier === 'Advanced' && stored.tier !== 'Advanced')
    warnings.push('above 4,096 bytes: it becomes an advanced parameter, which costs a little and stays one')
  for (const warning of warnings) io.tell(`warning: ${warning}`)

  const result = { parameter: target.name, from: stored.number, tier, changes, warnings }
  const unchanged = changes.length === 0 && stored.problems.length === 0 && stored.number > 0
  if (unchanged || flags['dry-run']) {
    const lines = unchanged ? [`${target.name} holds that already`] : changeLines(changes)
    show(context, { ...result, version: stored.number, written: false }, lines)
    return
  }
  // What is asked about is seen before it is answered.
  if (!flags.yes && !context.json) io.tell(changeLines(changes).join('\n'))
  const version = stored.number === 0 ? 'as a new parameter' : `over version ${stored.number}`
  await confirm(context, `Store ${plural(changes.length, 'change')} in ${target.name}, ${version}`)
  const keyId = textFlag(context, 'kms-key')
  const parameters = ports.parameters()
  const written = await writeVersion(parameters, {
    ...{ name: target.name, stored, variables, description, keyId, signal },
  })
  const now = await parameters.current(target.name, signal)
  if (now.number >= written.number && parseEnvironment(now.value).problems.length > 0)
    throw new CommandError('failed', `${target.name} cannot be read back as it was written`)
  const { number, bytes } = written
  show(context, { ...result, version: number, bytes, written: true }, [
    ...(flags.yes ? changeLines(changes) : []),
    `${target.name} is at version ${number} (${bytes} bytes, ${tier.toLowerCase()})`,
  ])
}
