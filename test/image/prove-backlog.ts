import { startAwsScaling } from '../local/aws-scaling.ts'
import type { Stack } from '../local/stack.ts'
import { names, secrets } from '../local/stack-env.ts'
import { type Container, hardened, startContainer } from './container.ts'
import type { Engine } from './engine.ts'
import { type Proof, until } from './proof.ts'
import { tryTool } from './tool.ts'

interface Around {
  readonly engine: Engine
  readonly stack: Stack
  readonly proof: Proof
  readonly signal: AbortSignal
  readonly logFile: string
}

/** The publisher's image where there is no Lambda: invoked with the curl of docs/image.md. */
export async function proveBacklog(image: string, around: Around): Promise<void> {
  const { engine, stack, proof, signal, logFile } = around
  const aws = await startAwsScaling()
  aws.groups.set('video-workers', ['InService', 'InService'])
  const env = {
    VIDEO_BACKLOG_API_INTERNAL: `${stack.api.baseUrl}/api/v1/internal/video/backlog-count/`,
    LAMBDA_INTERNAL_API_KEY: secrets.internalKey,
    ...{
      AUTO_SCALING_GROUP_NAME: 'video-workers',
      VIDEO_SQS_QUEUE_NAME: names.queue,
      AWS_REGION: names.region,
    },
    AWS_ENDPOINT_URL_SQS: stack.sqs.endpoint,
    ...{ AWS_ENDPOINT_URL_CLOUDWATCH: aws.endpoint, AWS_ENDPOINT_URL_AUTO_SCALING: aws.endpoint },
    ...{ AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_EC2_METADATA_DISABLED: 'true' },
  }
  // On the machine's own network there is no port to publish, and 0.0.0.0 would be everybody's.
  const port = 9000
  let container: Container | undefined
  try {
    container = await startContainer(engine, {
      ...{ image, name: 'proof-backlog', env, options: hardened },
      args: ['--listen', `127.0.0.1:${port}`],
    })
    const url = `http://127.0.0.1:${port}/2015-03-31/functions/function/invocations`
    const curl = (event: string) => tryTool(['curl', '-sS', '-d', event, url], { signal, logFile })
    const dry = await until(
      () => curl('{"dry_run":true}'),
      ({ code }) => code === 0,
      { seconds: 60, signal },
    )
    const answer = JSON.parse(dry.out || '{}')
    const learned = answer.video_backlog_count === 0 && answer.instances === 2 && aws.data.length === 0
    const { video_backlog_count, instances } = answer
    const seen = `backlog ${video_backlog_count}, instances ${instances}, nothing published`
    proof.note('curl, `{"dry_run":true}`', learned, learned ? seen : dry.out)
    await curl('{}')
    const figures = aws.data.map(({ name, value }) => `${name} ${value}`).join(', ')
    proof.note('curl, `{}`', aws.data.length === 3, `CloudWatch was sent ${figures}`)
    const id = await container.exec('sh', '-c', 'id -u; touch /app/x')
    proof.note('user and root folder of `backlog`', id.out.trim() === '1000' && id.code !== 0, words(id))
    // Of cgroups version 2, or 1.
    const files = '/sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes'
    const peak = await container.exec('sh', '-c', `cat ${files} 2>/dev/null | head -n 1`)
    const mebibytes = Math.round(Number(peak.out) / 2 ** 20)
    proof.note('memory of `backlog` at its peak', mebibytes > 0 && mebibytes < 256, `${mebibytes} MiB`)
    await container.stop(20)
    const { ExitCode } = await container.state()
    proof.note('`backlog` on SIGTERM', ExitCode === 0, `exit code ${ExitCode}`)
  } finally {
    await container?.remove()
    await aws.close()
  }
}

function words({ out, err }: { out: string; err: string }): string {
  return `${out} ${err}`.trim().replace(/\s+/g, ' ')
}
