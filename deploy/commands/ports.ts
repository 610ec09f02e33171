import type { Config, Env } from '../../shared/config.ts'
import { loadParts } from '../../shared/config.ts'
import { type JobConsole, openJobConsole } from '../../shared/job-console.ts'
import { openQueue, type Queue } from '../../shared/queue.ts'
import { type DeadLetters, openDeadLetters } from '../../shared/queue-dead.ts'
import { openRedis, type RedisConsole } from '../../shared/redis.ts'
import { openStorage, type Storage } from '../../shared/storage.ts'
import { openParameters, type Parameters } from '../environment/parameters.ts'

/** What a command talks to: opened when it first asks, closed together. */
export interface Ports {
  /** Only the parts that the command needs are checked; the others may be missing or wrong. */
  readonly config: Config
  queue(): Promise<Queue>
  deadLetters(): Promise<DeadLetters>
  redis(): RedisConsole
  jobs(): JobConsole
  storage(): Storage
  parameters(): Parameters
  close(): void
}

/** Throws config_invalid, naming every problem of the parts. */
export function openPorts(env: Env, needs: readonly (keyof Config)[], signal: AbortSignal): Ports {
  const config = loadParts(env, needs) as Config
  const undo: (() => void)[] = []
  const owned = <T extends { close(): void }>(port: T): T => {
    undo.push(() => port.close())
    return port
  }
  const once = <T>(open: () => T): (() => T) => {
    let opened: { port: T } | undefined
    return () => {
      opened ??= { port: open() }
      return opened.port
    }
  }
  const redis = once(() => owned(openRedis(config.redis)))

  return {
    config,
    redis,
    queue: once(() => openQueue(config, signal).then(owned)),
    deadLetters: once(() => openDeadLetters(config, signal).then(owned)),
    jobs: once(() => openJobConsole(redis())),
    // Only some commands look into the bucket, and then only if they are asked to.
    storage: once(() => owned(openStorage(loadParts(env, ['r2']).r2))),
    parameters: once(() =>
      // The name by which every SDK of AWS knows another address; '' is the region's own.
      owned(openParameters({ region: config.awsRegion, endpoint: env.AWS_ENDPOINT_URL_SSM?.trim() ?? '' })),
    ),
    close() {
      for (const step of undo.splice(0)) step()
    },
  }
}
