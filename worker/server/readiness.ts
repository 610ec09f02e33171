import type { Api } from '../../shared/api.ts'
import type { Queue } from '../../shared/queue.ts'
import type { RedisPort } from '../../shared/redis.ts'
import type { Storage } from '../../shared/storage.ts'
import { monotonicMs } from '../../shared/time.ts'
import type { Readiness } from './http.ts'

/** A load balancer asks every few seconds, from several places: the services are asked once in this time. */
const cacheMs = 5_000
const answerWithinMs = 4_000

export interface ReadinessInput {
  readonly queue: Queue
  readonly storage: Storage
  readonly redis: RedisPort
  readonly api: Api
  readonly workerId: string
  /** Whether the scratch disk has its reserve free. */
  scratchFree(): Promise<boolean>
}

/** Whether the queue, the bucket, Redis and the API accept the configuration and scratch has room, from a cache of 5 s. */
export function createReadiness(input: ReadinessInput): () => Promise<Readiness> {
  let askedMs = Number.NEGATIVE_INFINITY
  let answer: Promise<Readiness> | undefined

  async function ask(): Promise<Readiness> {
    const signal = AbortSignal.timeout(answerWithinMs)
    const answers = async (call: Promise<unknown>) => call.then(() => true).catch(() => false)
    const [queue, bucket, redis, api, scratch] = await Promise.all([
      answers(input.queue.attributes(signal)),
      // An object that is not there is an answer too: the credentials and the bucket are good.
      answers(input.storage.head(`.video-worker/boot/${encodeURIComponent(input.workerId)}.txt`, signal)),
      answers(input.redis.ping()),
      input.api
        .check(signal)
        .then((result) => result === 'ok')
        .catch(() => false),
      input.scratchFree().catch(() => false),
    ])
    return { queue, bucket, redis, api, scratch }
  }

  return () => {
    if (!answer || monotonicMs() - askedMs > cacheMs) {
      askedMs = monotonicMs()
      answer = ask()
    }
    return answer
  }
}
