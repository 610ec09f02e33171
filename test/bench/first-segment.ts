/**
 * How long after its receipt the first segment of a video lies in the bucket, as a part of the whole job: uploads
 * begin long before the encode ends. About fifteen minutes on two cores; three when `chunked` ran before it.
 */
import type { Fleet } from '../fleet/harness.ts'
import { atMost, type BenchInput, type Figures } from './figures.ts'
import { makeSource } from './sources.ts'
import { alone, startWorkers, type TimedJob, timeJob, withFleet } from './timed.ts'

const sizes = { full: { height: 1080, short: 60, long: 300 }, small: { height: 240, short: 20, long: 60 } }

export interface FirstSegment {
  /** From the worker's receipt of the message until the segment was stored. */
  readonly seconds: number
  /** From the receipt to the message's deletion. */
  readonly ofSeconds: number
}

export async function measureFirstSegment(input: BenchInput): Promise<Figures> {
  const { small, measured, say } = input
  const { height, short, long } = small ? sizes.small : sizes.full
  const ofShort = await run({ seconds: short, height }, input)
  const ofLong = measured.firstSegment ?? (await run({ seconds: long, height }, input))
  for (const [name, { seconds, ofSeconds }] of Object.entries({ ofShort, ofLong }))
    say(`${name}: ${seconds.toFixed(2)} s of ${ofSeconds.toFixed(2)} s`)
  return {
    // A segment is a tenth of a minute; the encoder holds back some pictures, and the start is its own.
    first_segment_of_minute: atMost(ofShort.seconds / ofShort.ofSeconds, 0.2, 'part of the job’s time'),
    first_segment_of_five_minutes: atMost(ofLong.seconds / ofLong.ofSeconds, 0.05, 'part of the job’s time'),
  }
}

async function run(
  size: { seconds: number; height: number },
  { env, signal }: BenchInput,
): Promise<FirstSegment> {
  const file = await makeSource(size, { env, signal })
  return withFleet(signal, async (fleet) => {
    const workers = await startWorkers(fleet, ['bench'], alone)
    return firstSegment(fleet, await timeJob(fleet, workers, { file, videoId: 1 }, signal), signal)
  })
}

/** Read from the bucket, which notes when each object was stored. */
export async function firstSegment(
  { stack }: Fleet,
  { folder, lines }: TimedJob,
  signal: AbortSignal,
): Promise<FirstSegment> {
  const settled = lines.find((line) => line.msg === 'job settled')!
  const settledMs = Date.parse(settled.time)
  const receivedMs = settledMs - Number(settled.seconds) * 1000
  let firstMs = Number.POSITIVE_INFINITY
  for await (const { key, modified } of stack.storage.list(folder, signal)) {
    // Pictures alone: sound is done in seconds.
    if (/^\d+p\/(?!init).*\.(m4s|mp4)$/.test(key.slice(folder.length))) firstMs = Math.min(firstMs, modified)
  }
  if (!Number.isFinite(firstMs)) throw new Error(`there is no segment under ${folder}`)
  return { seconds: (firstMs - receivedMs) / 1000, ofSeconds: (settledMs - receivedMs) / 1000 }
}
