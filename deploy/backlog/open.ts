import type { BacklogConfig } from '../../shared/config-backlog.ts'
import { openQueueCounts } from '../../shared/queue-counts.ts'
import { defaultLimits } from '../../shared/reconcile/limits.ts'
import type { CountingWorld } from '../../shared/reconcile/world.ts'
import { openRedis } from '../../shared/redis.ts'
import { openCloudWatch } from './cloudwatch.ts'
import { openGroup } from './group.ts'
import type { PublisherPorts } from './publish.ts'

export interface Publisher extends PublisherPorts {
  close(): void
}

/** Opens everything that the publisher talks to; nothing is asked yet. */
export function openPublisher(config: BacklogConfig): Publisher {
  const region = config.awsRegion
  const queues = openQueueCounts(config)
  const group = openGroup(config.group, { region, endpoint: config.autoScalingEndpoint })
  const cloudWatch = openCloudWatch({ region, endpoint: config.cloudWatchEndpoint })
  const redis = config.redis.host === '' ? undefined : openRedis(config.redis)
  const { settleSeconds, driftSeconds } = config
  const world: CountingWorld | undefined = redis && {
    redis,
    queue: { attributes: (signal) => queues.attributes(config.queue.name, signal) },
    limits: { ...defaultLimits, settleSeconds, standsSeconds: driftSeconds },
  }
  return {
    ...{ config, queues, group, cloudWatch, world },
    close() {
      queues.close()
      group.close()
      cloudWatch.close()
      redis?.close()
    },
  }
}
