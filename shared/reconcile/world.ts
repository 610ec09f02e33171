import type { Config } from '../config.ts'
import type { MessageOptions } from '../messages.ts'
import { openQueue, type Queue } from '../queue.ts'
import type { QueueOptions } from '../queue-client.ts'
import { openRedis, type RedisPort } from '../redis.ts'
import { openStorage, type Storage } from '../storage.ts'
import { openUploadList, type UploadList } from '../storage-uploads.ts'
import { defaultLimits, type Limits } from './limits.ts'

/** What the counters alone need: Redis and the queue's counts. The publisher has no more (deploy/backlog). */
export interface CountingWorld {
  readonly redis: RedisPort
  readonly queue: Pick<Queue, 'attributes'>
  readonly limits: Limits
}

/** Everything that the reconciler looks at and mends. */
export interface World extends CountingWorld {
  readonly queue: Pick<Queue, 'attributes' | 'send'>
  readonly storage: Storage
  readonly uploads: UploadList
  readonly messages: MessageOptions
}

export interface OpenWorld extends World {
  close(): void
}

/**
 * Opens the real one with a worker's configuration. Throws what openQueue throws; Redis and the bucket may be away:
 * findings then says what could not be learned.
 */
export async function openWorld(
  config: Pick<Config, 'queue' | 'awsRegion' | 'redis' | 'r2' | 'catalog'>,
  signal: AbortSignal,
  options: QueueOptions & { limits?: Partial<Limits> } = {},
): Promise<OpenWorld> {
  const queue = await openQueue(config, signal, options)
  const redis = openRedis(config.redis)
  const storage = openStorage(config.r2)
  const uploads = openUploadList(config.r2)
  return {
    ...{ queue, redis, storage, uploads, limits: { ...defaultLimits, ...options.limits } },
    messages: {
      ...{ bucket: config.r2.bucket, catalogKeyPrefix: config.catalog.keyPrefix, r2Prefix: config.r2.prefix },
    },
    close() {
      for (const part of [queue, redis, storage, uploads]) part.close()
    },
  }
}
