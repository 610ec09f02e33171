import { asWorkerError, type ErrorCode, WorkerError } from '../../shared/errors.ts'

/** Every exit code of `video-worker`, those of sysexits.h where they fit: docs/commands.md is held to this table. */
export const exitCodes = {
  ok: { exit: 0, meaning: 'it was done' },
  failed: {
    exit: 1,
    meaning:
      '`doctor` or `env verify` found something wrong; or it cannot be done as things are (a job that has ended, a ' +
      'right that is missing), or was done in part: the sentence says which',
  },
  usage: { exit: 64, meaning: 'the command, a flag or a value is not one that is known' },
  rejected: { exit: 65, meaning: 'what was given cannot be read, or must not be stored as it is' },
  not_found: { exit: 66, meaning: 'there is no such job, worker, message, object, file or parameter' },
  unavailable: {
    exit: 69,
    meaning: 'the queue, Redis, the bucket, the API or Parameter Store did not answer',
  },
  internal: { exit: 70, meaning: 'a fault in the command itself' },
  conflict: { exit: 75, meaning: 'somebody else changed it meanwhile: look at it, and try again' },
  refused: {
    exit: 77,
    meaning: 'it asks before it does this, nobody can be asked here, and `--yes` is not given',
  },
  config_invalid: { exit: 78, meaning: 'the configuration is wrong: every problem is listed' },
  interrupted: { exit: 130, meaning: 'it was interrupted, or the question was answered with no' },
} as const

export type ExitName = keyof typeof exitCodes

/** Why a command ends without having done what was asked; `message` says what to do. */
export class CommandError extends Error {
  readonly code: ExitName

  constructor(code: ExitName, message: string) {
    super(message)
    this.name = 'CommandError'
    this.code = code
  }
}

const fromWorker: Partial<Record<ErrorCode, ExitName>> = {
  config_invalid: 'config_invalid',
  queue_unavailable: 'unavailable',
  redis_unavailable: 'unavailable',
  storage_unavailable: 'unavailable',
  api_unavailable: 'unavailable',
  storage_refused: 'failed',
  environment_unreadable: 'rejected',
  environment_drops: 'rejected',
  environment_too_large: 'rejected',
  environment_changed: 'conflict',
  parameter_missing: 'not_found',
  parameter_unavailable: 'unavailable',
}

/** Any thrown value as what is told and how the process ends. Pure. */
export function asCommandError(thrown: unknown): { code: string; exit: number; message: string } {
  if (thrown instanceof CommandError) {
    return { code: thrown.code, exit: exitCodes[thrown.code].exit, message: thrown.message }
  }
  const error = asWorkerError(thrown)
  const name = thrown instanceof WorkerError ? (fromWorker[error.code] ?? 'failed') : 'internal'
  return { code: error.code, exit: exitCodes[name].exit, message: error.message }
}
