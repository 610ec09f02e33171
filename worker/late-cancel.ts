import type { WorkerError } from '../shared/errors.ts'
import type { Work } from './job/work.ts'

/** A bucket that has not answered by then is asked again when the request to cancel is seen next, in milliseconds. */
const askMs = 5_000

/**
 * Stops a job for what was heard from outside, but not for a cancel that comes too late: an attempt before this one put
 * the video online, the API may have accepted it with the answer lost, and would be told of a second end. Redis need not
 * know of that attempt. first: the message is received for the first time, too; then a bucket that does not answer keeps
 * nobody from cancelling. A part publishes nothing.
 */
export function stopInTime(
  work: Pick<Work, 'kind' | 'isPublished'>,
  first: boolean,
  stop: (error: WorkerError) => void,
): (error: WorkerError) => Promise<void> {
  let asking = false
  return async (error) => {
    if (error.code !== 'cancelled' || work.kind === 'part' || !work.isPublished) return stop(error)
    if (asking) return
    asking = true
    // Unknown: asked again, since a request to cancel stands.
    const late = await work.isPublished(AbortSignal.timeout(askMs)).catch(() => !first)
    asking = false
    if (!late) stop(error)
  }
}
