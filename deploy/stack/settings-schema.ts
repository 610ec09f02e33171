import * as check from './settings-formats.ts'

/** One setting: convict reads `default` and `format`, docs/deploy.md shows `doc`. */
export interface Leaf {
  readonly doc: string
  readonly default: unknown
  readonly format: (value: unknown) => void
}

const leaf = (doc: string, format: Leaf['format'], fallback: unknown = null): Leaf => ({
  doc,
  format,
  default: fallback,
})

/** Every setting of the stack, in the order of the table in docs/deploy.md. Null is required. */
export const schema = {
  stackName: leaf('Name of the stack; its resources begin with it', check.name, 'academy-video-workers'),
  region: leaf('Region of queue, fleet and metrics', check.region),
  network: {
    vpcId: leaf('VPC of the API, which the publisher and the workers must reach', check.id('vpc')),
    subnetIds: leaf('Private subnets of the workers, one in each zone', check.ids('subnet')),
    publisherSubnetIds: leaf(
      'Subnets of the publisher, with a way to AWS; none: those of the workers',
      check.idsOrNone('subnet'),
      [],
    ),
    egressPorts: leaf(
      'TCP ports that workers and publisher may call: AWS and R2, the API, Redis',
      check.ports,
      [443, 6379],
    ),
    metricsFrom: leaf(
      'Security group that may read a worker’s `/metrics` (port 9090); empty: none',
      check.idOrNone('sg'),
      '',
    ),
  },
  queues: {
    name: leaf('Queue of the jobs', check.queue, 'academy-video-jobs'),
    deadLetterName: leaf('Its dead-letter queue; empty: its name and `-dlq`', check.queueOrNone, ''),
    create: leaf(
      '`true` makes both; `false` takes those that are there by these names, and changes nothing of them',
      check.flag,
      false,
    ),
    deleteName: leaf('A queue of its own for the deletes, which is made; empty: none', check.queueOrNone, ''),
    visibilitySeconds: leaf('Of queues that are made', check.whole(30, 43_200), 120),
    maxReceiveCount: leaf('Of queues that are made: a backstop only', check.whole(50, 1000), 50),
    retentionDays: leaf('Of queues that are made', check.whole(4, 13), 7),
    deadLetterRetentionDays: leaf(
      'Of the dead-letter queue, longer: a message keeps its age',
      check.whole(5, 14),
      14,
    ),
  },
  group: {
    name: leaf('Name of the Auto Scaling group', check.name, 'academy-video-workers'),
    minSize: leaf('Instances at least; 0 lets the fleet end when nothing waits', check.whole(0, 1000), 0),
    maxSize: leaf('Instances at most', check.whole(1, 1000), 20),
    onDemandBase: leaf('The first so many are not Spot', check.whole(0, 1000), 0),
    onDemandPercent: leaf('Of the others, this share is not Spot', check.whole(0, 100), 0),
    warmupSeconds: leaf(
      'From the start of an instance until it counts for scaling',
      check.whole(0, 3600),
      180,
    ),
    maxLifetimeDays: leaf('An instance is replaced after this', check.whole(1, 365), 7),
    hookSeconds: leaf('Heartbeat of both lifecycle hooks', check.whole(30, 7200), 900),
  },
  instances: {
    types: {
      arm64: leaf(
        'Instance types, best first; all of one size, since scaling counts instances',
        check.types,
        [],
      ),
      x86_64: leaf('The same for x86', check.types, []),
    },
    ami: {
      arm64: leaf('Amazon Linux 2023: an AMI’s id, or `NAME:VERSION` of an SSM parameter', check.ami, ''),
      x86_64: leaf('The same for x86', check.ami, ''),
    },
    rootGiB: leaf('Size of the root volume', check.whole(8, 1000), 20),
    scratchGiB: leaf(
      'Size of a volume for scratch; 0: the types have disks of their own (`c7gd`)',
      check.whole(0, 16_000),
      100,
    ),
    scratchThroughput: leaf('Of that volume, in MiB/s', check.whole(125, 1000), 250),
    sessionManager: leaf('Operators may open a shell through Session Manager', check.flag, true),
  },
  run: {
    from: leaf('`image` runs a container, `code` Node on the host', check.oneOf('image', 'code'), 'image'),
    codeUri: leaf('With `code`: `s3://BUCKET/KEY.tar.gz`', check.codeUri, ''),
    codeSha256: leaf('Its digest, which is then checked', check.sha256OrNone, ''),
  },
  parameters: {
    apiEnv: leaf(
      'SSM parameter with the API’s environment, for operators alone',
      check.parameter,
      '/academy/api/env',
    ),
    workerEnv: leaf('SSM parameter with the workers’ environment', check.parameter, '/academy/workers/env'),
    image: leaf('SSM parameter with the image that workers run', check.parameter, '/academy/workers/image'),
    publisherEnv: leaf(
      'SSM parameter with the publisher’s `LAMBDA_INTERNAL_API_KEY` and `REDIS_*`',
      check.parameter,
      '/academy/workers/env',
    ),
    kmsKeyArn: leaf('Key of these parameters when it is not `aws/ssm`', check.keyArn, ''),
  },
  images: {
    repository: leaf('ECR repository of both images', check.repository, 'academy/video-worker'),
    publisherDigest: leaf('Digest of the publisher’s image', check.digest),
    keep: leaf('So many images of each target stay: what a roll-back can go to', check.whole(2, 1000), 30),
  },
  publisher: {
    apiUrl: leaf('Whole address of the API’s backlog-count', check.address),
    architecture: leaf('Of its image', check.oneOf('arm64', 'x86_64'), 'x86_64'),
    memoryMiB: leaf('Memory of the function', check.whole(256, 4096), 512),
    extraQueues: leaf('`EXTRA_QUEUES` of the publisher', check.extraQueues, ''),
  },
  scaling: {
    backlogPerInstance: leaf(
      'Jobs that wait for each instance: what is aimed at. On 8 cores; half of it on 4 (docs/scaling-simulation.md)',
      check.decimal(0.1, 1000),
      15,
    ),
  },
  alarms: {
    topicArn: leaf('SNS topic that hears them; empty: one is made', check.topicArn, ''),
    email: leaf('Subscribed to the topic that is made', check.emailOrNone, ''),
    backlogPerInstance: leaf(
      '`backlog-high`: jobs that wait for each instance',
      check.decimal(1, 10_000),
      60,
    ),
    messageHours: leaf('`message-old`: age of the oldest message', check.whole(1, 300), 24),
    errorLines: leaf('`worker-errors`: error lines of the fleet in 15 minutes', check.whole(1, 100_000), 20),
    runbook: leaf('Where the runbook is read: put before `#alarm`', check.text, 'docs/runbook.md'),
  },
  logs: {
    retentionDays: leaf('Days that logs are kept', check.retention, 30),
  },
} as const
