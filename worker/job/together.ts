import { asWorkerError } from '../../shared/errors.ts'
import type { RunContext } from './work.ts'

/**
 * Waits for all parts; whichever fails first stops the others, and its reason is the job's. Resolves or rejects
 * only when every part has ended, so that nothing runs on behind the job's back.
 */
export async function together<T extends readonly unknown[]>(
  run: Pick<RunContext, 'stop'>,
  parts: { [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const ended = await Promise.allSettled(
    parts.map((part) =>
      part.catch((error: unknown) => {
        run.stop(asWorkerError(error))
        throw error
      }),
    ),
  )
  const failed = ended.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
  return ended.map((end) => (end.status === 'fulfilled' ? end.value : undefined)) as unknown as T
}
