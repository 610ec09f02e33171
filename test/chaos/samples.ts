/** What each worker says of itself over time. */

import { monotonicMs } from '../../shared/time.ts'
import { held } from '../bench/tiny.ts'
import type { FleetWorker } from '../fleet/harness.ts'
import type { Place, Supervisor } from './supervisor.ts'

export interface Sample {
  /** Seconds from the start of the run. */
  readonly at: number
  /** Place in the fleet, from 0: what runs there is replaced now and then. */
  readonly place: number
  readonly worker: string
  /** MiB that are its own and in use. */
  readonly memory: number
  readonly handles: number
  /** Longest delay of the event loop since the last sample, in seconds; null for a worker that was stopped by us. */
  readonly delay: number | null
  /** Seconds left on the lease of the slot that has least; null when it has no job. */
  readonly slack: number | null
}

/** A page that takes longer is left out: its worker is stopped, or starts. */
const answerMs = 1500
/** What a worker says so soon after it was stopped is about that. */
const recoveredMs = 8000

/** Looked up in a log, which grows. */
const addresses = new WeakMap<FleetWorker, string>()

export async function takeSamples(supervisor: Supervisor, at: number): Promise<Sample[]> {
  const samples = await Promise.all(supervisor.places.map((place) => sampleOf(place, at)))
  return samples.filter((sample) => sample !== undefined)
}

async function sampleOf(place: Place, at: number): Promise<Sample | undefined> {
  const { worker, index } = place
  try {
    const address = addresses.get(worker) ?? (await Promise.race([worker.address(), late()]))
    addresses.set(worker, address)
    const text = await (await fetch(`${address}/metrics`, { signal: AbortSignal.timeout(answerMs) })).text()
    const wasStopped = place.stoppedUntilMs > 0 && monotonicMs() < place.stoppedUntilMs + recoveredMs
    return {
      ...{ at: Math.round(at * 10) / 10, place: index, worker: worker.name, ...held(worker.pid) },
      delay: wasStopped ? null : (figure(text, 'nodejs_eventloop_lag_max_seconds') ?? null),
      slack: wasStopped ? null : (figure(text, 'video_worker_lease_slack_seconds') ?? null),
    }
  } catch {
    return undefined
  }
}

async function late(): Promise<never> {
  const signal = AbortSignal.timeout(answerMs)
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  throw signal.reason
}

/** A figure of a Prometheus page, without labels. */
export function figure(page: string, name: string): number | undefined {
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]
  return found === undefined ? undefined : Number(found)
}
