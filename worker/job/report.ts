import type { Api } from '../../shared/api.ts'
import { WorkerError } from '../../shared/errors.ts'
import type { JobIdentity, JobRecords } from '../../shared/jobs.ts'
import { cancelKey, heartbeatKey, jobRecordKey, progressKey, statusKey } from '../../shared/keys.ts'
import type { Logger } from '../../shared/logger.ts'
import type { RedisPort } from '../../shared/redis.ts'
import { every, now } from '../../shared/time.ts'
import { createProgressBar, type ProgressValue, type StepName, transcodingSpan } from './progress.ts'
import { freshSeconds } from './work.ts'

// Times to live and intervals of contract.md section 3, in seconds.
const progressTtl = 14_400
const processingTtl = 21_600
const heartbeatTtl = 60
const progressEvery = 5
/** The contract gives 2 s for a cancel to be seen. */
const cancelEvery = 1
/** Redis sees at most this many progress writes a second, however often ffmpeg speaks. */
const writesPerSecond = 2

export interface ReporterInput {
  readonly redis: RedisPort
  readonly records: JobRecords
  readonly api: Api
  readonly job: JobIdentity
  readonly heartbeatSeconds: number
  readonly workerId: string
  /** When its message was sent: milliseconds since 1970, by the clock of SQS. */
  readonly sentMs: number
  /** An earlier attempt, or the parts of this job, have moved the bar already. */
  readonly resumed: boolean
  readonly logger: Logger
  token(): number | undefined
  /** The job was cancelled, or its video deleted: it must stop. */
  onStop(error: WorkerError): void
  onProgress?(value: ProgressValue): void
}

/** Tells the world that a job lives: progress, status and heartbeat keys, the API's heartbeat; hears the cancel key. */
export interface Reporter {
  move(step: StepName, fraction?: number, remainingSeconds?: number): void
  readonly value: ProgressValue
  /** Of a part: adds what it has done to the job's one bar, at most twice a second. */
  share(progress: {
    name: string
    frames: number
    speed: number
    totalFrames: number
    secondsLeft?: number | undefined
    done?: boolean
  }): void
  /** Ends the timers. owned: the job was not lost, so the heartbeat key is ours to remove. */
  close(owned: boolean): Promise<void>
}

/** Telemetry never fails a job: what Redis or the API answer here is at most logged. */
export function createReporter(input: ReporterInput): Reporter {
  const bar = createProgressBar()
  const { video, parent } = input.job
  const jobId = parent?.jobId ?? input.job.jobId
  const { logger } = input
  let lastWriteMs = 0
  let known = false
  let recordRead = false

  const quietly = (what: string) => (error: unknown) =>
    logger.debug({ err: error }, `${what} could not be written`)

  /** The overall percent never goes back, whatever a redelivery starts over. */
  async function takeUp(): Promise<void> {
    if (!video || !input.resumed) return
    const before = await input.redis.get(progressKey(video.tenantId, video.videoId))
    const percent = before === null ? 0 : Number((JSON.parse(before) as ProgressValue).percent)
    if (Number.isFinite(percent)) bar.atLeast(percent)
  }
  const takenUp = takeUp().catch(quietly('progress'))

  async function write(key: string, value: string, seconds: number): Promise<void> {
    const token = input.token()
    if (token === undefined) await input.redis.set(key, value, seconds)
    else await input.records.write(input.job, token, key, value, seconds)
  }

  async function writeProgress(): Promise<void> {
    if (!video || parent) return
    lastWriteMs = performance.now()
    await takenUp
    const json = JSON.stringify(bar.value)
    await write(progressKey(video.tenantId, video.videoId), json, progressTtl).catch(quietly('progress'))
  }

  async function beat(): Promise<void> {
    if (!video) return
    await Promise.all([
      write(heartbeatKey(video.tenantId, video.videoId), '1', heartbeatTtl).catch(quietly('heartbeat')),
      write(
        statusKey(video.tenantId, video.videoId),
        JSON.stringify({ status: 'PROCESSING' }),
        processingTtl,
      ).catch(quietly('status')),
    ])
    const answer = await input.api.heartbeat({ jobId, videoId: video.videoId }, AbortSignal.timeout(15_000))
    if (answer === 'ok') known = true
    // A row may be saved after its message is sent: only a video that was there can be deleted (lesson 12).
    if (answer === 'gone' && (known || now() - input.sentMs > freshSeconds * 1000))
      input.onStop(new WorkerError('video_deleted', 'the API no longer has the video'))
  }

  /** The API's request lives 300 s; an operator's stands in the record, however long the job waits for its turn. */
  async function cancelAsked(): Promise<boolean> {
    if (!video) return false
    const key = cancelKey(video.tenantId, video.videoId)
    const asked = await input.redis.get(key).catch(() => null)
    if (asked !== null || recordRead) return asked !== null
    const standing = await input.redis.field(jobRecordKey(jobId), 'cancel')
    recordRead = true
    return standing === '1'
  }

  async function hearCancel(): Promise<void> {
    if (!video) return
    if (await cancelAsked().catch(() => false))
      input.onStop(new WorkerError('cancelled', 'the job was cancelled on request'))
    if (!parent) return
    // Another part heard it first and ended the job; the key may be gone by now.
    const state = await input.records.state(parent).catch(() => undefined)
    if (state === 'dead' || state === 'cancelled')
      input.onStop(new WorkerError('cancelled', `the job of this part has ended (${state})`))
  }

  const closed = new AbortController()
  const options = { signal: closed.signal }
  if (video) {
    void beat()
    void hearCancel()
    every(input.heartbeatSeconds * 1000, beat, options)
    every(cancelEvery * 1000, hearCancel, options)
    every(progressEvery * 1000, writeProgress, options)
  }

  return {
    move(step, fraction, remainingSeconds) {
      const before = bar.value
      const value = bar.move(step, fraction, remainingSeconds)
      input.onProgress?.(value)
      const due = performance.now() - lastWriteMs >= 1000 / writesPerSecond
      if (value.step !== before.step || (due && value.step_percent !== before.step_percent))
        void writeProgress()
    },
    get value() {
      return bar.value
    },
    share({ done = false, secondsLeft, ...progress }) {
      // The part's own end, by which a drain decides whether to wait for it.
      const value = bar.move('transcoding', progress.frames / progress.totalFrames, secondsLeft)
      const token = input.token()
      const due = performance.now() - lastWriteMs >= 1000 / writesPerSecond
      if (token === undefined || (!due && !done)) return
      lastWriteMs = performance.now()
      input.records
        .share(
          input.job,
          token,
          { ...progress, worker: input.workerId },
          {
            json: JSON.stringify(value),
            from: transcodingSpan.from,
            to: transcodingSpan.to,
            seconds: progressTtl,
          },
        )
        .catch(quietly('progress'))
    },
    async close(owned) {
      closed.abort()
      // Another part may be at work: its heartbeat stands under the same key.
      if (!video || !owned || parent) return
      await input.redis.delete(heartbeatKey(video.tenantId, video.videoId)).catch(quietly('heartbeat'))
    },
  }
}
