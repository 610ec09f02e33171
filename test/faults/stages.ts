import type { Fleet, FleetWorker } from '../fleet/harness.ts'
import { type FaultJob, line, midEncode, sendJob } from './promises.ts'

/** A worker that does all three at once: as many slots, and chunks that are soon done. */
export const threeSlots = {
  WORKER_CONCURRENCY: '3',
  CHUNK_SECONDS: '4',
  HLS_TIME_SECONDS: '2',
  FANOUT: 'never',
}

export interface Stages {
  /** Its source does not answer: the job is being downloaded and probed. */
  readonly reading: FaultJob
  /** In the middle of a chunk, with one stored. */
  readonly encoding: FaultJob
  /** Its master playlist cannot be stored: everything else is. */
  readonly publishing: FaultJob
  readonly all: readonly FaultJob[]
  /** What stood in the way does so no more. */
  letGo(): void
}

/** Sends three jobs and holds each at its own stage of the work, on one worker. */
export async function atEachStage(
  fleet: Fleet,
  worker: FleetWorker,
  clip: string,
  video: { tenantId: number; videoId: number },
): Promise<Stages> {
  const { tenantId, videoId } = video
  const { faults } = fleet.stack.s3
  const times = Number.POSITIVE_INFINITY
  const publishing = await sendJob(fleet, clip, { tenantId, videoId })
  const held = [
    faults.failNext(
      { operation: 'PutObject', key: `${publishing.prefix}${publishing.jobId}/master.m3u8` },
      { stall: true, times },
    ),
  ]
  await line(worker, publishing, 'stage ended', { stage: 'verify' })
  await fleet.until('the master playlist is on its way', () => held[0]!.hits() > 0)

  const fileKey = await fleet.stack.upload(clip, { tenantId, name: clip })
  held.push(faults.failNext({ operation: 'GetObject', key: fileKey }, { stall: true, times }))
  const jobId = await fleet.stack.sendJob({ tenantId, videoId: videoId + 1, fileKey })
  const reading = {
    ...{ jobId, tenantId, videoId: videoId + 1 },
    prefix: `tenants/${tenantId}/video/hls/${videoId + 1}/`,
  }
  await fleet.until('the source is asked for', () => held[1]!.hits() > 0)

  const encoding = await sendJob(fleet, clip, { tenantId, videoId: videoId + 2 })
  await midEncode(fleet, worker, encoding, 1)
  return {
    ...{ reading, encoding, publishing, all: [reading, encoding, publishing] },
    letGo() {
      for (const fault of held) fault.remove()
    },
  }
}
