/**
 * Every way a job can end badly, by code. The code decides the kind, the kind decides what settle does
 * (worker/settle.ts): the input's fault is never retried, ours or the world's is, a hand-back costs no
 * attempt, and a lost lease touches nothing. docs/errors.md is held to this table by a test, both ways.
 */
export type ErrorKind = 'rejected' | 'failed' | 'released' | 'lost' | 'cancelled'

interface CodeRow {
  readonly kind: ErrorKind
  /** What a person who uploaded the file (rejected) or runs the fleet (the others) should understand. */
  readonly meaning: string
}

export const errorCodes = {
  // rejected: the input's fault
  input_missing: {
    kind: 'failed',
    meaning: 'The source object is not in the bucket (yet); retried, since it may be written late.',
  },
  input_empty: { kind: 'rejected', meaning: 'The file is empty.' },
  input_changed: { kind: 'failed', meaning: 'The source object was replaced while it was being read.' },
  source_garbled: {
    kind: 'failed',
    meaning: 'What was read of the source is not what the bucket holds; the job starts over with a new read.',
  },
  input_too_large: { kind: 'rejected', meaning: 'The file is larger than the fleet accepts.' },
  input_playlist: {
    kind: 'rejected',
    meaning: 'The file is a playlist or script that points to other files, not a video.',
  },
  container_unsupported: {
    kind: 'rejected',
    meaning: 'The file is not a video in a format that can be read.',
  },
  container_damaged: { kind: 'rejected', meaning: 'The file is damaged or was not uploaded completely.' },
  no_video: {
    kind: 'rejected',
    meaning: 'The file has neither moving pictures nor sound that can be played.',
  },
  codec_unsupported: { kind: 'rejected', meaning: 'The video is coded in a way that cannot be decoded.' },
  input_encrypted: { kind: 'rejected', meaning: 'The file is protected (DRM) and cannot be read.' },
  no_frames: { kind: 'rejected', meaning: 'No picture could be decoded from the file.' },
  picture_too_large: { kind: 'rejected', meaning: 'The picture is larger than the fleet accepts.' },
  picture_too_small: { kind: 'rejected', meaning: 'The picture is too small or too narrow to be packaged.' },
  video_too_long: { kind: 'rejected', meaning: 'The video lasts longer than the fleet accepts.' },
  resource_limit: {
    kind: 'rejected',
    meaning: 'Decoding the file needs more memory or time than the fleet allows.',
  },
  video_deleted: { kind: 'cancelled', meaning: 'The video was deleted while it was being processed.' },
  cancelled: { kind: 'cancelled', meaning: 'The job was cancelled on request.' },
  profile_unknown: { kind: 'rejected', meaning: 'The message names a profile that the fleet does not have.' },
  video_unknown: {
    kind: 'released',
    meaning: 'The API does not know the video yet; its message may have been sent before its row was saved.',
  },
  // failed: ours or the world's
  crashes_exhausted: {
    kind: 'rejected',
    meaning: 'The worker crashed too often on this job; it was given up.',
  },
  output_rejected: {
    kind: 'rejected',
    meaning: 'What was made of the video did not pass verification, twice; it is not published.',
  },
  probe_failed: { kind: 'failed', meaning: 'ffprobe failed for a reason that is not the file.' },
  probe_timeout: { kind: 'failed', meaning: 'ffprobe did not answer within its limit.' },
  encode_failed: { kind: 'failed', meaning: 'ffmpeg failed for a reason that is not the file.' },
  sound_changes: {
    kind: 'failed',
    meaning: 'The sound changes its rate or channels on the way, also after it was made even.',
  },
  encode_stalled: {
    kind: 'failed',
    meaning: 'ffmpeg made no progress within its stall limit and was killed.',
  },
  stage_timeout: { kind: 'failed', meaning: 'A stage did not finish within its deadline.' },
  output_invalid: { kind: 'failed', meaning: 'What ffmpeg wrote does not agree with the plan.' },
  output_displaced: {
    kind: 'failed',
    meaning: 'What was stored of the video is not there, or not as it was stored; it is made anew.',
  },
  spawn_failed: { kind: 'failed', meaning: 'A program could not be started.' },
  internal: { kind: 'failed', meaning: 'A fault in the worker itself.' },
  storage_refused: { kind: 'failed', meaning: 'The bucket refused a request, and takes others.' },
  // released: the world is away; the message waits, no attempt is spent
  scratch_full: { kind: 'released', meaning: 'The scratch disk has too little free space.' },
  storage_unavailable: { kind: 'released', meaning: 'The bucket could not be reached.' },
  storage_denied: {
    kind: 'released',
    meaning:
      'The bucket refuses our key or takes no writes (401, 403, 507, no such bucket); polling stops until a trial write succeeds.',
  },
  queue_unavailable: { kind: 'released', meaning: 'The queue could not be reached.' },
  redis_unavailable: { kind: 'released', meaning: 'Redis could not be reached.' },
  api_unavailable: {
    kind: 'released',
    meaning: 'The API could not be reached or answered with a server error.',
  },
  api_unauthorized: {
    kind: 'released',
    meaning: 'The API refused the worker token (401), or has none set (503).',
  },
  api_refused: { kind: 'failed', meaning: 'The API refused the report (400 or another client error).' },
  metadata_unavailable: {
    kind: 'released',
    meaning: 'The metadata of the instance did not answer as it should; no job ends by it.',
  },
  scaling_unavailable: {
    kind: 'released',
    meaning: 'Auto Scaling did not answer, or refused for want of a permission; no job ends by it.',
  },
  leaving_soon: {
    kind: 'released',
    meaning:
      'The instance may be taken away soon (rebalance recommendation); a long job goes back to the queue, once.',
  },
  key_unavailable: {
    kind: 'failed',
    meaning: 'The API gave no key for a video that is to be encrypted, or one that cannot be used.',
  },
  key_changed: {
    kind: 'failed',
    meaning:
      'The API gave another key than the one that parts of the video are encrypted with; the job starts over.',
  },
  copy_refused: {
    kind: 'released',
    meaning: 'The source’s own pictures cannot be shown as they are; the job starts over and encodes them.',
  },
  encoder_missing: {
    kind: 'released',
    meaning:
      'This worker’s ffmpeg lacks an encoder that the job’s profile asks for; another worker’s may have it.',
  },
  job_busy: {
    kind: 'released',
    meaning: 'A part ends its job, which another worker holds at the moment; the part waits for it.',
  },
  drained: { kind: 'released', meaning: 'The worker is stopping; the job goes back to the queue.' },
  // lost: somebody else owns the job
  lease_lost: { kind: 'lost', meaning: 'The lease on the message or the job was lost to somebody else.' },
  lease_slack: { kind: 'lost', meaning: 'The lease could not be renewed in time.' },
  lease_cap: {
    kind: 'released',
    meaning: 'The lease reached the 12 hours that SQS allows; the job goes on from its finished chunks.',
  },
  owner_mismatch: { kind: 'lost', meaning: 'The API says that another worker owns the job (409).' },
  // messages that are no job
  message_invalid: { kind: 'rejected', meaning: 'The message is not one that this worker knows.' },
  // the reconciler
  reconcile_busy: { kind: 'failed', meaning: 'Another reconciler is at work; one at a time repairs.' },
  // the publisher of the backlog
  backlog_host_refused: {
    kind: 'failed',
    meaning:
      'The API refuses the host name that the publisher calls it by (400): see VIDEO_BACKLOG_API_HOST.',
  },
  backlog_key_refused: { kind: 'failed', meaning: 'The API refuses the publisher’s key (401, 403).' },
  backlog_access_refused: {
    kind: 'failed',
    meaning: 'Something in front of the API refuses the publisher (403 that is not the API’s own).',
  },
  backlog_missing: {
    kind: 'failed',
    meaning: 'There is no backlog-count at the publisher’s address (404, 3xx).',
  },
  backlog_unreachable: {
    kind: 'failed',
    meaning: 'The publisher got no answer from the API: network, TLS, timeout.',
  },
  backlog_failed: { kind: 'failed', meaning: 'The API could not count the backlog (5xx or another status).' },
  backlog_invalid: { kind: 'failed', meaning: 'The API’s answer is no count: not JSON, missing, negative.' },
  group_missing: { kind: 'failed', meaning: 'There is no Auto Scaling group of that name.' },
  group_refused: { kind: 'failed', meaning: 'Auto Scaling refuses the publisher: rights or credentials.' },
  group_unavailable: { kind: 'failed', meaning: 'Auto Scaling did not answer.' },
  metric_refused: {
    kind: 'failed',
    meaning: 'CloudWatch refuses the publisher: rights, credentials or values.',
  },
  metric_unavailable: { kind: 'failed', meaning: 'CloudWatch did not answer.' },
  // the environment tool
  environment_unreadable: {
    kind: 'failed',
    meaning: 'A .env cannot be read without guessing; the lines are named, and nothing was stored.',
  },
  environment_drops: {
    kind: 'failed',
    meaning: 'A write would remove or empty stored variables that nobody named; nothing was stored.',
  },
  environment_too_large: {
    kind: 'failed',
    meaning: 'An environment is larger than a parameter can be (8,192 bytes); nothing was stored.',
  },
  environment_changed: {
    kind: 'failed',
    meaning: 'Somebody else wrote the stored environment at the same time; the message says whose is lost.',
  },
  environment_differs: { kind: 'failed', meaning: 'What runs, or lies in a file, is not what is stored.' },
  parameter_missing: { kind: 'failed', meaning: 'There is no such parameter, or no such version of it.' },
  parameter_refused: {
    kind: 'failed',
    meaning: 'Parameter Store refuses a request: rights, key, name or limit.',
  },
  parameter_unavailable: { kind: 'failed', meaning: 'Parameter Store did not answer.' },
  // boot
  config_invalid: {
    kind: 'failed',
    meaning: 'The configuration is wrong; the worker does not start (exit 78).',
  },
  boot_unavailable: {
    kind: 'failed',
    meaning: 'Something the worker needs did not answer at boot (exit 69).',
  },
} as const satisfies Record<string, CodeRow>

export type ErrorCode = keyof typeof errorCodes

/** The one error class. `message` says what failed, the value and the limit; it never holds secrets or URLs. */
export class WorkerError extends Error {
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'WorkerError'
    this.code = code
    this.kind = errorCodes[code].kind
    this.details = options.details ?? {}
  }
}

/** A file that did not fit. */
const noRoom = new Set<unknown>(['ENOSPC', 'EDQUOT'])

/**
 * Any thrown value as a WorkerError; what is not ours becomes `internal`, with the original as its cause, but for a disk
 * that is full: the worker writes to scratch only.
 */
export function asWorkerError(error: unknown): WorkerError {
  if (error instanceof WorkerError) return error
  const message = error instanceof Error ? error.message : String(error)
  const code = noRoom.has((error as NodeJS.ErrnoException | undefined)?.code) ? 'scratch_full' : 'internal'
  return new WorkerError(code, message, { cause: error })
}
