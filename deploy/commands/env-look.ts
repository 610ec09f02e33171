import { changesBetween } from '../environment/changes.ts'
import { noParameter, type Version } from '../environment/parameters.ts'
import { parseEnvironment } from '../environment/parse.ts'
import { type CommandContext, numberFlag, show, textFlag } from './context.ts'
import {
  changeLines,
  changeSummary,
  needStored,
  readEnvironmentFile,
  targetOf,
  versionFlag,
} from './env-shared.ts'
import { tableLines } from './format.ts'
import { usage } from './parse.ts'

export async function envDiff(context: CommandContext): Promise<void> {
  const { ports, signal } = context
  const target = targetOf(context, 'env diff')
  const path = textFlag(context, 'file')
  const hasVersions = textFlag(context, 'from') !== undefined
  if ((path === undefined) === !hasVersions) throw usage('env diff', 'needs --file or else --from')

  if (path !== undefined) {
    const file = await readEnvironmentFile(path)
    const stored = await needStored(context, target.name)
    const onlyStored = [...stored.variables.keys()].filter((name) => !file.variables.has(name))
    // A push leaves what the file lacks: that is no change of its.
    const all = changesBetween(stored.variables, file.variables)
    const changes = all.filter(({ kind }) => kind !== 'dropped')
    const kept = onlyStored.length === 0 ? [] : [`only stored: ${onlyStored.join(', ')}`]
    const lines = changes.length === 0 ? ['no difference'] : changeLines(changes)
    show(context, { parameter: target.name, version: stored.number, changes, onlyStored }, [
      ...lines,
      ...kept,
    ])
    return
  }
  const versions = await ports.parameters().history(target.name, signal)
  const [from, to] = [versionFlag(context, 'from', versions), versionFlag(context, 'to', versions)]
  const changes = changesBetween(read(from).variables, read(to).variables)
  const lines = changes.length === 0 ? ['no difference'] : changeLines(changes)
  show(context, { parameter: target.name, from: from.number, to: to.number, changes }, lines)
}

const read = (version: Version) => parseEnvironment(version.value)

export async function envHistory(context: CommandContext): Promise<void> {
  const { ports, signal } = context
  const target = targetOf(context, 'env history')
  const limit = numberFlag(context, 'limit', { min: 0, max: 1000 }) ?? 20
  const versions = await ports.parameters().history(target.name, signal)
  if (versions.length === 0) throw noParameter(target.name)
  const lines = versions.map((version, index) => lineOf(version, versions[index - 1]))
  const newest = lines.toReversed().slice(0, limit === 0 ? undefined : limit)
  const rows = newest.map((line) => [
    ...[String(line.version), line.at, shortArn(line.by), line.description || '-'],
    ...[String(line.variables), String(line.bytes), line.tier.toLowerCase(), line.labels.join(' ') || '-'],
    line.unreadable > 0 ? `unreadable: ${line.unreadable} lines` : changeSummary(line.changes),
  ])
  const head = ['version', 'at', 'who', 'how', 'variables', 'bytes', 'tier', 'labels', 'changed']
  show(context, { parameter: target.name, versions: newest }, tableLines(head, rows))
}

/** A version as --json shows it: nothing of a value but what may be seen of it. */
function lineOf(version: Version, before: Version | undefined) {
  const { variables, problems } = read(version)
  return {
    ...{ version: version.number, at: version.at, by: version.by, description: version.description },
    ...{ tier: version.tier, labels: version.labels, variables: variables.size },
    ...{ bytes: Buffer.byteLength(version.value), unreadable: problems.length },
    changes: changesBetween(before ? read(before).variables : new Map(), variables),
  }
}

/** `user/ann`, `deploy/ann@desk` of an assumed role: the account is everywhere the same. */
function shortArn(arn: string): string {
  return arn.split(':').at(-1)?.split('/').slice(-2).join('/') ?? arn
}
