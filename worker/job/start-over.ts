import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import type { Logger } from '../../shared/logger.ts'
import { isCopy, type Ledger, type Plan } from '../chunk/ledger.ts'

/**
 * Runs the verification of a whole video. When it fails, all that was made is removed, so that the next attempt makes
 * it anew; when that fails, too, it is a fault that will stay: throws output_rejected, which ends the job. What is only
 * missing in the bucket (output_displaced) says nothing about the input: another worker had the job too, since Redis was
 * away and its message came twice, and its encode is not the same to the byte. The next attempt makes those chunks anew.
 */
export async function orStartOver<T>(
  plan: Plan,
  ledger: Ledger,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
  verify: () => Promise<T>,
): Promise<T> {
  try {
    return await verify()
  } catch (error) {
    const { code, message } = asWorkerError(error)
    // A plan that copies is given up for one that encodes.
    if (code !== 'output_invalid' || isCopy(plan)) throw error
    const before = await ledger.startedOver(signal)
    if (before !== undefined)
      throw new WorkerError('output_rejected', `${message}; the time before: ${before}`, { cause: error })
    logger.warn({ reason: message }, 'what was made does not pass: all of it is made once more')
    await ledger.startOver(message, signal)
    throw error
  }
}
