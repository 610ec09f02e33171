import convict from 'convict'
import type { Env } from './config.ts'
import { registerFormats } from './config-formats.ts'
import { canonical, misplaced } from './config-rules.ts'
import { flag, leavesOf, required, secret, type Tree, text, whole } from './config-variable.ts'

/**
 * What the product's API must be told so that the fleet works with it: contract.md. The API reads more, which is its
 * own business; the environment tool (deploy/environment) keeps that, and looks at this.
 */
export const apiVariables = {
  secretKey: text('SECRET_KEY', 'Key of Django', secret),
  db: {
    host: text('DB_HOST', 'Database host', { ...required, format: 'hostname' }),
    port: whole('DB_PORT', 5432, 1, 65_535, 'Database port'),
    name: text('DB_NAME', 'Database', required),
    user: text('DB_USER', 'Database user', required),
    password: text('DB_PASSWORD', 'Database password', secret),
  },
  redis: {
    host: text('REDIS_HOST', 'Redis host', { ...required, format: 'hostname' }),
    port: whole('REDIS_PORT', 6379, 1, 65_535, 'Redis port'),
    password: text('REDIS_PASSWORD', 'Redis password', { ...secret, default: '' }),
    db: whole('REDIS_DB', 0, 0, 10_000, 'Redis database'),
    tls: flag('REDIS_TLS', 'Speak TLS to Redis'),
  },
  r2: {
    endpoint: text('R2_ENDPOINT', 'Address of the bucket’s S3 API', { ...required, format: 'origin' }),
    accessKey: text('R2_ACCESS_KEY', 'Key id for the bucket', secret),
    secretKey: text('R2_SECRET_KEY', 'Secret for the bucket', secret),
    bucket: text('R2_BUCKET', 'The bucket (also `R2_VIDEO_BUCKET`)', required),
  },
  queue: text('VIDEO_SQS_QUEUE_NAME', 'Queue that the jobs go to', required),
  awsRegion: text('AWS_REGION', 'Region of the queue', required),
} satisfies Tree

/** What the API lacks, or has under a name that nobody reads: a line each. Pure. */
export function apiProblems(env: Env): string[] {
  registerFormats()
  const read = canonical(env)
  const loaded = convict(apiVariables as unknown as convict.Schema<unknown>, { env: read, args: [] })
  const names = leavesOf(apiVariables).map(({ variable }) => variable.env)
  const elsewhere = misplaced(read).filter(({ proper }) => names.includes(proper))
  const lines = complaints(loaded)
  const wrong = leavesOf(apiVariables).flatMap(({ path, variable }) => {
    const line = lines.find((each) => each.startsWith(`${path}: `))
    if (!line) return []
    const hint = elsewhere.find(({ proper }) => proper === variable.env)
    const problem = `${variable.env} ${line.slice(path.length + 2)}`
    return [{ proper: variable.env, text: hint ? `${problem} (${hint.text})` : problem }]
  })
  const others = elsewhere.filter(({ proper }) => !wrong.some((each) => each.proper === proper))
  return [...wrong, ...others].map((each) => each.text)
}

/** What the fleet misses when the API has it from nowhere else. Pure. */
export function apiWarnings(env: Env): string[] {
  const without = {
    INTERNAL_WORKER_TOKEN: 'the API answers 503 to every worker',
    LAMBDA_INTERNAL_API_KEY: 'the API tells nobody its backlog, and the group does not scale',
  }
  return Object.entries(without)
    .filter(([name]) => !env[name]?.trim())
    .map(([name, what]) => `${name} is not set: ${what}`)
}

function complaints(loaded: Pick<convict.Config<unknown>, 'validate'>): string[] {
  try {
    loaded.validate({ allowed: 'strict' })
    return []
  } catch (error) {
    return (error as Error).message.split('\n')
  }
}
