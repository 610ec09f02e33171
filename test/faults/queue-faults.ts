import type { FleetWorker, LogLine } from '../fleet/harness.ts'
import { encodersOf, signal } from './processes.ts'
import type { FaultJob } from './promises.ts'

/** The chunks of a job that a worker encoded, each as often as it did. */
export function encoded(worker: FleetWorker, job: FaultJob): unknown[] {
  return linesOf(worker, job, 'chunk encoded').map(({ chunk }) => chunk)
}

/** Each start of a job at a worker: attempt, failures, crashes, releases, receiveCount. */
export function starts(worker: FleetWorker, job: FaultJob): LogLine[] {
  return linesOf(worker, job, 'job started')
}

/** Lets the encoders go on that midEncode stopped. */
export async function thaw({ name }: FleetWorker, { jobId }: FaultJob): Promise<void> {
  for (const { pid } of await encodersOf(name, jobId)) signal(pid, 'SIGCONT')
}

function linesOf(worker: FleetWorker, { jobId }: FaultJob, msg: string): LogLine[] {
  return worker.log().filter((line) => line.msg === msg && line.job === jobId)
}
