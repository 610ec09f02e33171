import type { WorkerError } from '../../shared/errors.ts'
import type { FinalState, JobIdentity } from '../../shared/jobs.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Message } from '../../shared/messages.ts'
import type { Reporter } from './report.ts'
import type { VideoResult, VideoSpec } from './video.ts'

/** A message younger than this may be older than its row in the API, in seconds: lesson 12. */
export const freshSeconds = 300

/** What one kind of job does at its end; settle decides when. */
export interface Ending<Result> {
  readonly identity: JobIdentity
  /** Tells the API; 'gone' when the video was deleted meanwhile. */
  complete(result: Result, signal: AbortSignal): Promise<'accepted' | 'gone'>
  fail(error: WorkerError, signal: AbortSignal): Promise<'accepted' | 'gone'>
  /** Removes what this job wrote, so that only the source is left; a published video only when it is not wanted. */
  removeOutput(error: WorkerError, signal: AbortSignal): Promise<void>
  /** Before a cancel is carried out, which may take longer than the request for it is kept. */
  rememberCancel?(): Promise<void>
  /** After the record has ended, for whatever reason. */
  ended?(): Promise<void>
  /** After the API accepted: older versions, the ledger. Failing here harms nobody. */
  tidy(result: Result, signal: AbortSignal): Promise<void>
  /** Of a job that has ended: removes what an attempt left that died, or what came late, behind the end. */
  sweep?(state: FinalState, signal: AbortSignal): Promise<void>
  /**
   * Before the record ends without a result: a part ends its parent here. park: puts what is to be redriven into the
   * dead-letter queue; of what is given up only, and once it is sure that the parent ends.
   */
  giveUp?(
    state: FinalState,
    error: WorkerError,
    signal: AbortSignal,
    park?: () => Promise<void>,
  ): Promise<void>
  /** What a redrive of the dead-letter queue shall start, if not the message itself: of a part, its job. */
  readonly startBody?: string
  /** The JSON for the video's status key. */
  status(end: { state: FinalState; result?: Result; error?: WorkerError }): Record<string, unknown>
}

/** A message that is a job. */
export type JobMessage = Extract<Message, { jobId: string }>

/** One job, ready to run: what it does and how it ends. */
export interface Work<Result = unknown> extends Ending<Result> {
  readonly kind: 'transcode' | 'catalogue' | 'delete' | 'part'
  /** Fields of every log line about the job. */
  readonly labels: Readonly<Record<string, string | number>>
  run(context: RunContext): Promise<Result | typeof fannedOut | typeof alreadyPublished>
  /** Whether the result is in the bucket already: then the job is not given up, however often it crashed. */
  isPublished?(signal: AbortSignal): Promise<boolean>
}

/** A job that makes a video: what its parts need of it. */
export interface VideoWork extends Work<VideoResult> {
  /** The body of the message that started it, and the group that its parts queue in. */
  readonly body: string
  readonly group: string
  sweep(state: FinalState, signal: AbortSignal): Promise<void>
  spec(signal: AbortSignal): Promise<VideoSpec>
}

/** What a job returns whose parts are in the queue: its join goes on. */
export const fannedOut = Symbol('fanned out')

/** What a job returns whose result is in the bucket and accepted: the ledger is gone, and only that is certain. */
export const alreadyPublished = Symbol('already published')

export interface RunContext {
  /** The job's one signal: cancel, drain, stall, lost lease; the first reason stays. */
  readonly signal: AbortSignal
  readonly logger: Logger
  readonly reporter: Reporter
  /** 1 for the first start. */
  readonly attempt: number
  /** Stops the job from inside; the first reason stays, and becomes the outcome. */
  stop(error: WorkerError): void
  /** Throws lease_slack when the lease ran out while the process stood still: asked before every write. */
  checkLease(): void
}
