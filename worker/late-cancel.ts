import type { WorkerError } from '../shared/errors.ts'
import type { Work } from './job/work.ts'

/** A bucket that has not answered by then is asked again when the request to cancel is seen next, in milliseconds. */
const askMs = 5_000

/**
 * Stops a job for what was heard from outside, but not for a cancel that comes too late: an attempt before this one put
 * the video online, the API may have accepted it with the answer lost, and would be told of a second end. Of a first
 * attempt nobody was told anything, nor by a part.
 */
export function stopInTime(
  work: Pick<Work, 'kind' | 'isPublished'>,
  attempt: number,
  stop: (error: WorkerError) => void,
): (error: WorkerError) => Promise<void> {
  let asking = false
  return async (error) => {
    if (error.code !== 'cancelled' || attempt === 1 || work.kind === 'part' || !work.isPublished)
      return stop(error)
    if (asking) return
    asking = true
    // Unknown: asked again, since a request to cancel stands.
    const late = await work.isPublished(AbortSignal.timeout(askMs)).catch(() => true)
    asking = false
    if (!late) stop(error)
  }
}
