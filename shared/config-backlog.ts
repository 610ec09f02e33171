import convict from 'convict'
import type { Config, Env } from './config.ts'
import { registerFormats } from './config-formats.ts'
import { address, decimal, leavesOf, required, secret, text, whole } from './config-variable.ts'
import { WorkerError } from './errors.ts'

/** What the publisher of the backlog (deploy/backlog) is told: contract.md section 7, and a few of ours behind it. */
export interface BacklogConfig {
  /** Whole address of backlog-count, without the slash at its end. */
  url: string
  key: string
  /** Host header; '' for the one of the address. */
  host: string
  timeoutSeconds: number
  awsRegion: string
  queue: Config['queue']
  group: string
  /** Queues of other workers, by their WorkerType. */
  extraQueues: ReadonlyMap<string, string>
  /** An empty host: counters are not repaired. */
  redis: Config['redis']
  settleSeconds: number
  driftSeconds: number
  /** '' for the region's own. */
  cloudWatchEndpoint: string
  autoScalingEndpoint: string
}

const schema = {
  url: text('VIDEO_BACKLOG_API_INTERNAL', 'Whole address of the API’s backlog-count', {
    ...required,
    format: 'address',
  }),
  key: text('LAMBDA_INTERNAL_API_KEY', 'Key for it', secret),
  host: text('VIDEO_BACKLOG_API_HOST', 'Host header; better not set: a wrong one is refused with 400', {
    default: '',
    shown: 'that of the address',
  }),
  timeoutSeconds: decimal('VIDEO_BACKLOG_TIMEOUT_SECONDS', 10, 0.1, 60, 'Limit of one call'),
  awsRegion: text('AWS_REGION', 'Region of queue, group and metrics', required),
  queue: {
    name: text('VIDEO_SQS_QUEUE_NAME', 'The fleet’s queue', required),
    endpoint: address('AWS_ENDPOINT_URL_SQS', 'Address of SQS when it is not the region’s own', {
      default: '',
    }),
  },
  group: text('AUTO_SCALING_GROUP_NAME', 'Group whose instances share the backlog', required),
  extra: text('EXTRA_QUEUES', 'More queues: `AI=academy-ai-jobs-lite,Messaging=academy-messaging-jobs`', {
    default: '',
  }),
  redis: {
    host: text('REDIS_HOST', 'Redis host; without it counters are not repaired', {
      default: '',
    }),
    port: whole('REDIS_PORT', 6379, 1, 65_535, 'Redis port'),
    password: text('REDIS_PASSWORD', 'Redis password', { default: '', format: 'secret', sensitive: true }),
    db: whole('REDIS_DB', 0, 0, 10_000, 'Redis database'),
    tls: text('REDIS_TLS', 'Speak TLS to Redis', { format: 'flag', default: false }),
  },
  settleSeconds: decimal('BACKLOG_SETTLE_SECONDS', 60, 0, 600, 'What the queue’s counts take to settle'),
  driftSeconds: decimal(
    'BACKLOG_DRIFT_SECONDS',
    180,
    0,
    3600,
    'Drift that lasts so long after that is repaired',
  ),
  cloudWatchEndpoint: address(
    'AWS_ENDPOINT_URL_CLOUDWATCH',
    'Address of CloudWatch when not the region’s own',
    {
      default: '',
    },
  ),
  autoScalingEndpoint: address('AWS_ENDPOINT_URL_AUTO_SCALING', 'The same of Auto Scaling', { default: '' }),
}

type Read = Omit<BacklogConfig, 'extraQueues' | 'queue'> & {
  extra: string
  queue: { name: string; endpoint: string }
}

/** Reads the publisher's configuration. Throws config_invalid whose message lists every problem, a line each. */
export function loadBacklogConfig(env: Env): BacklogConfig {
  registerFormats()
  const given = Object.entries(env).flatMap(([name, value]) => (value?.trim() ? [[name, value.trim()]] : []))
  const loaded = convict<Read>(schema as unknown as convict.Schema<Read>, {
    env: Object.fromEntries(given) as Record<string, string>,
    args: [],
  })
  const { extra, queue, ...config } = loaded.getProperties()
  const extraQueues = readExtra(extra)
  const problems = [
    ...problemsOf(loaded),
    ...hostProblems({ VIDEO_BACKLOG_API_HOST: config.host, REDIS_HOST: config.redis.host }),
    ...(extraQueues ? [] : ['EXTRA_QUEUES must be like "AI=queue-name,Messaging=other-queue"']),
  ]
  if (problems.length > 0) {
    const message = ['The publisher’s configuration is wrong:', ...problems.map((line) => `- ${line}`)].join(
      '\n',
    )
    throw new WorkerError('config_invalid', message, { details: { problems } })
  }
  const { name, endpoint } = queue
  return {
    ...{ ...config, extraQueues: extraQueues ?? new Map() },
    queue: { name, deadLetterName: `${name}-dlq`, waitSeconds: 1, ...(endpoint === '' ? {} : { endpoint }) },
  }
}

/** A table of the variables, for docs/scaling.md: name, default, meaning. */
export function backlogVariables(): string[][] {
  return leavesOf(schema).map(({ variable }) => {
    const { env, doc, shown, default: value } = variable
    const given = value === null ? '**required**' : value === '' ? '' : `\`${Number(value)}\``
    return [`\`${env}\``, shown ?? given, doc]
  })
}

function problemsOf(loaded: convict.Config<Read>): string[] {
  try {
    loaded.validate({ allowed: 'strict' })
    return []
  } catch (error) {
    const lines = (error as Error).message.split('\n')
    return leavesOf(schema).flatMap(({ path, variable }) => {
      const line = lines.find((each) => each.startsWith(`${path}: `))
      return line ? [`${variable.env} ${line.slice(path.length + 2)}`] : []
    })
  }
}

/** The format of a host takes no empty one, which these may be. */
function hostProblems(hosts: Readonly<Record<string, string>>): string[] {
  return Object.entries(hosts)
    .filter(([, host]) => !/^[\w.:-]*$/.test(host))
    .map(([name]) => `${name} must be a host alone, without scheme or path`)
}

/** `Type=queue` pairs; undefined when one is neither. */
function readExtra(given: string): Map<string, string> | undefined {
  const pairs = given.split(',').filter((pair) => pair.trim() !== '')
  const read = pairs.map((pair) => /^\s*([\w-]+)\s*=\s*([\w-]+(?:\.fifo)?)\s*$/.exec(pair))
  if (read.some((pair) => pair === null)) return undefined
  return new Map(read.map((pair) => [pair![1]!, pair![2]!]))
}
