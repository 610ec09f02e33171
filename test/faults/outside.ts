import { expect } from '@jest/globals'
import type { Fleet, FleetWorker } from '../fleet/harness.ts'
import type { Fault, FaultMatch, Faults } from '../local/faults.ts'
import type { FaultJob } from './promises.ts'

/**
 * Holds the next request that fits, and resolves when it has come: a moment of the job to strike at. What it resolves
 * to lets the request go on; a request that nobody lets go on does so after 20 s.
 */
export async function heldAt(fleet: Fleet, faults: Faults, match: FaultMatch): Promise<() => void> {
  const held = faults.failNext(match, { delayMs: 20_000 })
  await fleet.until(`a request that fits ${JSON.stringify(match)}`, () => held.hits() > 0)
  return held.remove
}

/** A fault until it is removed. */
export function always(faults: Faults, match: FaultMatch, fault: Fault): () => void {
  return faults.failNext(match, { ...fault, times: Number.POSITIVE_INFINITY }).remove
}

/** So often the pictures of the job were encoded, over all its attempts. */
export function videoRuns(worker: FleetWorker, { jobId }: FaultJob): number {
  return worker
    .log()
    .filter(({ msg, what, job }) => msg === 'tool starts' && what === 'video' && job === jobId).length
}

/** What the outage cost the job: failures and crashes as its last start found them. */
export function expectSpent(
  worker: FleetWorker,
  { jobId }: FaultJob,
  spent: { failures?: number; crashes?: number } = {},
): void {
  const last = worker.log().findLast(({ msg, job }) => msg === 'job started' && job === jobId)
  expect(last).toMatchObject({ failures: 0, crashes: 0, ...spent })
}

/** /readyz of a worker, asked anew: its answer is kept for five seconds. */
export async function readiness(worker: FleetWorker): Promise<Record<string, unknown>> {
  const answer = await fetch(`${await worker.address()}/readyz`)
  return { code: answer.status, ...((await answer.json()) as object) }
}
