import { createHash } from 'node:crypto'
import os from 'node:os'
import path from 'node:path'
import convict from 'convict'
import { registerFormats } from './config-formats.ts'
import { canonical, misplaced, ruleProblems } from './config-rules.ts'
import { schema } from './config-schema.ts'
import { leavesOf, type Variable } from './config-variable.ts'
import { WorkerError } from './errors.ts'

/** The effective configuration. Environment names, units, ranges and defaults: shared/config-schema.ts. */
export interface Config {
  workerId: string
  concurrency: number
  awsRegion: string
  queue: { name: string; deadLetterName: string; endpoint?: string; waitSeconds: number }
  lease: { visibilitySeconds: number; beatSeconds: number; minSlackSeconds: number; maxSeconds: number }
  job: { maxAttempts: number; maxCrashes: number; backoffBaseSeconds: number; backoffCapSeconds: number }
  r2: {
    endpoint: string
    accessKey: string
    secretKey: string
    region: string
    bucket: string
    /** '' or a folder with its final slash */
    prefix: string
  }
  redis: { host: string; port: number; password: string; db: number; tls: boolean }
  api: {
    /** without a final slash */
    baseUrl: string
    token: string
    timeoutSeconds: number
    tries: number
    backoffBaseSeconds: number
    backoffCapSeconds: number
    heartbeatSeconds: number
  }
  /** An empty `baseUrl` or `token` switches the catalogue's calls off. */
  catalog: { baseUrl: string; token: string; keyPrefix: string }
  scratch: { dir: string; minFreeBytes: number }
  ffmpeg: {
    bin: string
    probeBin: string
    probeTimeoutSeconds: number
    /** 0 = no limit */
    memoryLimitMb: number
    /** 0 = ffmpeg decides */
    threads: number
    nice: number
    /** CPU seconds per second of 1080p video at 30 pictures a second; 0 = no limit */
    cpuFactor: number
    /** Against the worker's 100; 0 = no control group. */
    cpuWeight: number
    sandbox: 'auto' | 'required' | 'off'
  }
  hls: {
    segmentSeconds: number
    chunkSeconds: number
    profilesFile: string
    keepVersions: number
    fanout: 'auto' | 'always' | 'never'
    /** With `auto`: chunks of the longest video that one worker does alone. */
    fanoutMinChunks: number
    fanoutLostSeconds: number
    passthrough: 'auto' | 'never'
    segmentStorage: 'files' | 'byterange'
  }
  /** 0 = no limit */
  limits: { maxBytes: number; maxSeconds: number; maxPixels: number }
  stall: { encodeSeconds: number; stageSeconds: number }
  upload: { maxConcurrency: number }
  bootWaitSeconds: number
  drainSeconds: number
  metadata: { disabled: boolean; endpoint: string }
  notices: { pollSeconds: number }
  /** `group` and `hook` are '' where they are to be found out. */
  scaling: {
    group: string
    endpoint?: string
    hook: string
    protection: 'auto' | 'required' | 'off'
    idleSeconds: number
  }
  /** port 0 = any free one */
  http: { host: string; port: number }
  log: { level: string; pretty: boolean }
  cdnBaseUrl: string
}

export type Env = Readonly<Record<string, string | undefined>>

/**
 * Reads the configuration from an environment that is handed in (only main files read process.env). Values are
 * trimmed; an empty value counts as not set, so that a failed read of a parameter store is named (lesson 31).
 * Throws WorkerError('config_invalid') whose message lists every problem, a line each, secrets not shown;
 * `details.problems` has the lines.
 */
export function loadConfig(env: Env): Config {
  return load(env, () => true)
}

/**
 * Only some parts of the configuration, by their names in Config, for a program that needs no more of it: what is
 * wrong or missing elsewhere is not its business. Throws as loadConfig does.
 */
export function loadParts<P extends keyof Config>(env: Env, parts: readonly P[]): Pick<Config, P> {
  return load(env, (at) => parts.some((part) => at === part || at.startsWith(`${part}.`)))
}

function load(env: Env, isWanted: (path: string) => boolean): Config {
  registerFormats()
  const read = canonical(env)
  const loaded = convict<Config>(schema, { env: read, args: [] })
  const config = loaded.getProperties()
  const wanted = namesOf(isWanted)
  const elsewhere = misplaced(read).filter(({ proper }) => wanted.has(proper))
  const wrong = formatProblems(loaded).filter(({ variable }) => wanted.has(variable.env))
  const problems = [
    ...wrong.map(({ variable, problem }) => {
      const hint = elsewhere.find((other) => other.proper === variable.env)
      return hint ? `${variable.env} ${problem} (${hint.text})` : `${variable.env} ${problem}`
    }),
    ...elsewhere.filter((other) => !wrong.some((w) => w.variable.env === other.proper)).map((o) => o.text),
    ...ruleProblems(config, read).filter((text) => concerns(text, wanted)),
  ]
  if (problems.length > 0) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
    const message = [`The configuration has ${count}:`, ...problems.map((line) => `- ${line}`)].join('\n')
    throw new WorkerError('config_invalid', message, { details: { problems } })
  }
  return completed(config)
}

/** The effective configuration by environment name, ready to be logged: of secrets only whether they are set. */
export function describeConfig(config: Config): Record<string, unknown> {
  return Object.fromEntries(
    leavesOf(schema).map(({ path: at, variable }) => {
      const value = valueAt(config, at) ?? ''
      if (variable.sensitive) return [variable.env, value ? '[set]' : '[not set]']
      return [variable.env, variable.scale ? Number(value) / variable.scale : value]
    }),
  )
}

/**
 * 12 hex digits that are equal on two workers exactly when their configurations are, secrets included (hashed, so
 * nothing leaks). The worker's own name is left out. Shows a host that still runs with an old environment (lesson 34).
 */
export function configHash(config: Config): string {
  const values = leavesOf(schema)
    .filter(({ variable }) => variable.env !== 'WORKER_ID')
    .map(({ path: at, variable }) => [variable.env, valueAt(config, at) ?? ''])
  return createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 12)
}

/** The environment names of the parts that are wanted. */
function namesOf(isWanted: (path: string) => boolean): Set<string> {
  const wanted = leavesOf(schema).filter(({ path: at }) => isWanted(at))
  return new Set(wanted.map(({ variable }) => variable.env))
}

/** A rule that names variables, and none of those that are wanted, is somebody else's. */
function concerns(rule: string, wanted: ReadonlySet<string>): boolean {
  const all = namesOf(() => true)
  const named = (rule.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []).filter((name) => all.has(name))
  return named.length === 0 || named.some((name) => wanted.has(name))
}

/** Convict's complaints, told by environment name instead of by property. */
function formatProblems(loaded: convict.Config<Config>): { variable: Variable; problem: string }[] {
  try {
    loaded.validate({ allowed: 'strict' })
    return []
  } catch (error) {
    // One line a property, "{path}: {message}[: value was {json}]"; convict hides the values of sensitive ones.
    const lines = (error as Error).message.split('\n')
    return leavesOf(schema).flatMap(({ path: at, variable }) => {
      const line = lines.find((each) => each.startsWith(`${at}: `))
      return line ? [{ variable, problem: withoutLogin(line.slice(at.length + 2)) }] : []
    })
  }
}

/** Fills in the defaults that depend on the machine or on another variable. */
function completed(config: Config): Config {
  config.workerId ||= os.hostname()
  config.queue.deadLetterName ||= `${config.queue.name}-dlq`
  config.scratch.dir ||= path.join(os.tmpdir(), 'video-worker')
  if (!config.queue.endpoint) delete config.queue.endpoint
  if (!config.scaling.endpoint) delete config.scaling.endpoint
  for (const { path: at, variable } of leavesOf(schema)) {
    const [name = '', ...above] = at.split('.').reverse()
    const parent = valueAt(config, above.reverse().join('.')) as Record<string, number>
    if (variable.scale) parent[name]! *= variable.scale
  }
  return config
}

function valueAt(config: Config, at: string): unknown {
  return at
    .split('.')
    .filter(Boolean)
    .reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], config)
}

/** A refused address may hold a password (`redis://:password@host` where a host belongs). */
function withoutLogin(line: string): string {
  return line.replace(/\/\/.*@/, '//***@')
}
