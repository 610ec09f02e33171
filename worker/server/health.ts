/**
 * Three long polls of 20 s without an answer: the queue or this process is stuck, and the supervisor or the ASG's
 * health check should replace it.
 */
const staleAfterMs = 90_000

/** What is looked at of a worker: see worker.ts. */
export interface HealthView {
  status(): {
    readonly state: string
    readonly apiAuthorized: boolean
    readonly scratchFree: boolean
    readonly bucketWritable: boolean
  }
  sinceGoodPollMs(): number
}

export interface Health {
  readonly ok: boolean
  readonly state: string
  readonly sinceGoodPollSeconds: number
}

/** Whether the worker polls, or has a reason not to: for /healthz and for the watchdog of systemd. */
export function healthOf(worker: HealthView): Health {
  const silentMs = worker.sinceGoodPollMs()
  const { state, apiAuthorized, scratchFree, bucketWritable } = worker.status()
  // Silence on purpose is no sickness: a replacement would be as silent, and end the jobs that run here.
  const held =
    state === 'starting' || state === 'draining' || !apiAuthorized || !scratchFree || !bucketWritable
  const ok = held || silentMs < staleAfterMs
  return { ok, state, sinceGoodPollSeconds: Math.round(silentMs / 1000) }
}
