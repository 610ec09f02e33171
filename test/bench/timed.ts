/** One job through real workers, timed by what the API and the workers' logs say of it. */
import { type Fleet, type FleetWorker, type LogLine, openFleet, unhurried } from '../fleet/harness.ts'
import { logTail } from '../local/workers.ts'

export const tenantId = 1

/** A worker as production has it, but that each video is walked alone, and all of it encoded. */
export const alone = { ...unhurried, FANOUT: 'never', PASSTHROUGH: 'never' }

export interface TimedJob {
  readonly jobId: string
  /** Key of everything the job wrote; ends with a slash. */
  readonly folder: string
  /** Of the callback, as the API accepted it. */
  readonly body: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970. */
  readonly sentMs: number
  /** From the message's sending to the API's acceptance of the callback. */
  readonly toCallback: number
  /** From the message's sending to its deletion. */
  readonly toSettled: number
  /** Everything that the workers logged of it, in order of time, each line with its `worker`. */
  readonly lines: readonly WorkerLine[]
}

export interface WorkerLine extends LogLine {
  readonly worker: string
}

/** Runs `body` beside an embedded stack, which ends with it or with the signal. */
export async function withFleet<T>(signal: AbortSignal, body: (fleet: Fleet) => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const fleet = await openFleet()
  const close = () => void fleet.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    return await body(fleet)
  } finally {
    signal.removeEventListener('abort', close)
    await fleet.close()
  }
}

/** Starts workers that production could have started, and waits until they poll. */
export async function startWorkers(
  fleet: Fleet,
  names: readonly string[],
  env: Record<string, string | undefined>,
): Promise<FleetWorker[]> {
  const workers = names.map((name) => fleet.start(name, env))
  await Promise.all(workers.map((worker) => worker.logged(({ msg }) => msg === 'worker is up')))
  return workers
}

/** Uploads a file as the product does, sends its job and waits for its end. Throws when that is not `complete`. */
export async function timeJob(
  fleet: Fleet,
  workers: readonly FleetWorker[],
  video: { file: string; videoId: number },
  signal: AbortSignal,
): Promise<TimedJob> {
  const { stack } = fleet
  const { file, videoId } = video
  const fileKey = await stack.upload(file, { tenantId, videoId })
  const sentMs = Date.now()
  const jobId = await stack.sendJob({ tenantId, videoId, fileKey })
  // Waiting for the call costs nothing; looking into the logs would be paid for by who is measured.
  const outcome = await Promise.race([stack.waitFor(jobId, { signal }), firstToEnd(workers)])
  const callbackMs = Date.now()
  if (outcome.kind !== 'complete') throw new Error(`the job failed: ${JSON.stringify(outcome.body)}`)
  const settled = () =>
    linesOf(workers, jobId).find(
      (line) => line.msg === 'job settled' && line.outcome === 'done' && !line.part,
    )
  await fleet.until('the job is settled', () => settled() !== undefined)
  return {
    ...{ jobId, sentMs, body: outcome.body, folder: String(outcome.body.hls_path).replace(/[^/]+$/, '') },
    toCallback: (callbackMs - sentMs) / 1000,
    toSettled: (Date.parse(settled()!.time) - sentMs) / 1000,
    lines: linesOf(workers, jobId),
  }
}

export function linesOf(workers: readonly FleetWorker[], jobId: string): WorkerLine[] {
  return workers
    .flatMap((worker) => worker.log().map((line) => ({ ...line, worker: worker.name }) as WorkerLine))
    .filter((line) => line.job === jobId)
    .sort((one, other) => Date.parse(one.time) - Date.parse(other.time))
}

async function firstToEnd(workers: readonly FleetWorker[]): Promise<never> {
  const worker = await Promise.race(workers.map((each) => each.ended.then(() => each)))
  throw new Error(`${worker.name} ended: ${logTail(worker).join('\n')}`)
}
