import { type ScalingServer, startScalingServer } from '../local/auto-scaling.ts'
import { type MetadataServer, startMetadataServer } from '../local/imds.ts'

export interface FakeInstance {
  readonly id: string
  readonly imds: MetadataServer
  readonly asg: ScalingServer
  /** Puts a worker on the instance, and its name with it: WORKER_ID is not set. */
  readonly env: Record<string, string | undefined>
  close(): Promise<void>
}

let count = 0

/** An EC2 instance in an Auto Scaling group with a termination hook, in service; its group is found by its tag. */
export async function startInstance(): Promise<FakeInstance> {
  count += 1
  const id = `i-${String(count).padStart(8, '0')}${process.pid}`
  const group = 'video-workers'
  const imds = await startMetadataServer({
    paths: { 'instance-id': id, 'tags/instance/aws:autoscaling:groupName': group },
  })
  const asg = await startScalingServer({
    group,
    hooks: [{ name: 'drain', transition: 'TERMINATING', heartbeatSeconds: 900 }],
    onTarget: (_, state) => imds.set('autoscaling/target-lifecycle-state', state),
  })
  asg.add(id)
  return {
    ...{ id, imds, asg },
    env: {
      WORKER_ID: undefined,
      AWS_EC2_METADATA_DISABLED: undefined,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.endpoint,
      AWS_ENDPOINT_URL_AUTO_SCALING: asg.endpoint,
      NOTICE_POLL_SECONDS: '0.2',
    },
    async close() {
      await Promise.all([imds.close(), asg.close()])
    },
  }
}
