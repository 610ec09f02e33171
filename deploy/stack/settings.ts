import convict from 'convict'
import { WorkerError } from '../../shared/errors.ts'
import { type Leaf, schema } from './settings-schema.ts'

export type Architecture = 'arm64' | 'x86_64'

/** What the stack is made of: settings-schema.ts says what each means. */
export interface Settings {
  stackName: string
  region: string
  network: {
    vpcId: string
    subnetIds: string[]
    publisherSubnetIds: string[]
    egressPorts: number[]
    metricsFrom: string
  }
  queues: {
    name: string
    deadLetterName: string
    create: boolean
    deleteName: string
    visibilitySeconds: number
    maxReceiveCount: number
    retentionDays: number
    deadLetterRetentionDays: number
  }
  group: {
    name: string
    minSize: number
    maxSize: number
    onDemandBase: number
    onDemandPercent: number
    warmupSeconds: number
    maxLifetimeDays: number
    hookSeconds: number
  }
  instances: {
    types: Record<Architecture, string[]>
    ami: Record<Architecture, string>
    rootGiB: number
    scratchGiB: number
    scratchThroughput: number
    sessionManager: boolean
  }
  run: { from: 'image' | 'code'; codeUri: string; codeSha256: string }
  parameters: { apiEnv: string; workerEnv: string; image: string; publisherEnv: string; kmsKeyArn: string }
  images: { repository: string; publisherDigest: string; keep: number }
  publisher: { apiUrl: string; architecture: Architecture; memoryMiB: number; extraQueues: string }
  scaling: { backlogPerInstance: number }
  alarms: {
    topicArn: string
    email: string
    backlogPerInstance: number
    messageHours: number
    errorLines: number
    runbook: string
  }
  logs: { retentionDays: number }
}

/**
 * The schema with a name for each format: with a function convict takes the type from the default, and then makes true of
 * "no" and 12 of "12abc" before anybody looks.
 */
const named = withNames(schema, 'settings') as unknown as convict.Schema<Settings>

function withNames(tree: object, path: string): object {
  const entries = Object.entries(tree).map(([key, node]) => {
    const at = `${path}.${key}`
    if (!('doc' in node)) return [key, withNames(node, at)]
    convict.addFormat({ name: at, validate: node.format, coerce: (value: unknown) => value })
    return [key, { ...node, format: at }]
  })
  return Object.fromEntries(entries)
}

/**
 * Reads the settings from the text of a JSON file. Throws config_invalid whose message lists every problem, a line
 * each; `name` is the file's, for that message.
 */
export function readSettings(text: string, name: string): Settings {
  const loaded = convict<Settings>(named, { env: {}, args: [] })
  try {
    const given: unknown = JSON.parse(text)
    if (given === null || typeof given !== 'object' || Array.isArray(given))
      throw new Error('it is no JSON object')
    loaded.load(given)
  } catch (error) {
    throw wrong(name, [(error as Error).message])
  }
  const problems = formatProblems(loaded)
  const settings = withDefaults(loaded.getProperties())
  // What does not fit together is only said of values that can be read.
  const all = problems.length > 0 ? problems : conflicts(settings)
  if (all.length > 0) throw wrong(name, all)
  return settings
}

function wrong(name: string, problems: readonly string[]): WorkerError {
  const message = [`The settings in ${name} are wrong:`, ...problems.map((line) => `- ${line}`)].join('\n')
  return new WorkerError('config_invalid', message, { details: { problems } })
}

function formatProblems(loaded: convict.Config<Settings>): string[] {
  try {
    loaded.validate({ allowed: 'strict' })
    return []
  } catch (error) {
    return (error as Error).message.split('\n').map(asSentence)
  }
}

/** Convict says `path: message: value was X`, and of a setting that it does not know a sentence of its own. */
function asSentence(line: string): string {
  const unknown = /^configuration param '([^']+)' not declared/.exec(line)
  if (unknown) return `${unknown[1]} is no setting`
  return line.replace(/^([\w.]+): /, '$1 ')
}

function withDefaults(settings: Settings): Settings {
  const { network, queues } = settings
  return {
    ...settings,
    network: {
      ...network,
      publisherSubnetIds:
        network.publisherSubnetIds?.length > 0 ? network.publisherSubnetIds : network.subnetIds,
    },
    queues: { ...queues, deadLetterName: queues.deadLetterName || `${queues.name}-dlq` },
  }
}

/** What does not fit together, a sentence each. Pure. */
function conflicts(settings: Settings): string[] {
  const { queues, group, instances, run, network, publisher, scaling, alarms } = settings
  const problems: string[] = []
  const { protocol, port } = new URL(publisher.apiUrl)
  const apiPort = Number(port || (protocol === 'https:' ? 443 : 80))
  if (!network.egressPorts.includes(apiPort))
    problems.push(`network.egressPorts must hold the port of publisher.apiUrl, ${apiPort}`)
  if (!network.egressPorts.includes(443)) problems.push('network.egressPorts must hold 443: AWS and R2')
  if (alarms.backlogPerInstance <= scaling.backlogPerInstance)
    problems.push('alarms.backlogPerInstance must be more than scaling.backlogPerInstance, which is aimed at')
  const names = [queues.name, queues.deadLetterName, queues.deleteName].filter((name) => name !== '')
  if (new Set(names).size < names.length) problems.push('queues.* must have names that differ')
  if (queues.deadLetterRetentionDays <= queues.retentionDays)
    problems.push('queues.deadLetterRetentionDays must be more than queues.retentionDays')
  if (group.minSize > group.maxSize) problems.push('group.minSize must not be more than group.maxSize')
  if (group.onDemandBase > group.maxSize)
    problems.push('group.onDemandBase must not be more than group.maxSize')
  const { arm64, x86_64 } = instances.types
  if (arm64.length + x86_64.length < 2)
    problems.push('instances.types must name two types at least: Spot of one type alone runs out')
  const sizes = new Set([...arm64, ...x86_64].map((type) => type.split('.')[1]))
  if (sizes.size > 1)
    problems.push(
      `instances.types must be of one size, since scaling counts instances: ${[...sizes].join(', ')}`,
    )
  for (const architecture of ['arm64', 'x86_64'] as const) {
    if (instances.types[architecture].length > 0 && instances.ami[architecture] === '')
      problems.push(`instances.ami.${architecture} is required, since instances.types has such types`)
  }
  const diskless = [...arm64, ...x86_64].filter((type) => !/^[a-z]+\d[a-z]*d[a-z]*\./.test(type))
  if (instances.scratchGiB === 0 && diskless.length > 0)
    problems.push(`instances.scratchGiB must not be 0: no disk of its own has ${diskless.join(', ')}`)
  if (run.from === 'code' && run.codeUri === '')
    problems.push('run.codeUri is required when run.from is code')
  return problems
}

/** Name, default and meaning of each setting, for docs/deploy.md. */
export function settingsTable(): string[][] {
  const rows: string[][] = []
  const walk = (tree: object, path: string) => {
    for (const [key, node] of Object.entries(tree)) {
      const at = path === '' ? key : `${path}.${key}`
      if (!('doc' in node)) walk(node, at)
      else rows.push([`\`${at}\``, shown(node as Leaf), (node as Leaf).doc])
    }
  }
  walk(schema, '')
  return rows
}

function shown({ default: value }: Leaf): string {
  if (value === null) return '**required**'
  if (value === '' || (Array.isArray(value) && value.length === 0)) return ''
  return `\`${JSON.stringify(value).replaceAll('"', '')}\``
}
