import type { JobState } from '../../shared/job-console.ts'
import { CommandError } from './errors.ts'
import type { Ports } from './ports.ts'
import type { Target } from './target.ts'

/**
 * Counts a job and sends its message, in this order: a quick worker must find the count that it takes the job out of.
 * Resolves the state that the job had; of one that is done, or has not ended, nothing is sent.
 * onlyNew: of one that has ended neither. A message that cannot be sent leaves everything as it was.
 */
export async function sendJob(
  target: Target,
  ports: Ports,
  signal: AbortSignal,
  { onlyNew = false, groupId }: { onlyNew?: boolean; groupId?: string | undefined } = {},
): Promise<{ readonly sent: boolean; readonly state: JobState | undefined }> {
  const queue = await ports.queue()
  const jobs = ports.jobs()
  const before = onlyNew ? (await jobs.read(target.jobId))?.state : undefined
  if (before !== undefined) return { sent: false, state: before }
  const { changed, state } = await jobs.startOver(target.identity, target.body)
  if (!changed) return { sent: false, state }
  try {
    await queue.send(target.body, { signal, ...(groupId === undefined ? {} : { groupId }) })
  } catch (error) {
    await jobs.withdraw(target.identity, state).catch((thrown: unknown) => {
      const why = thrown instanceof Error ? thrown.message : String(thrown)
      throw new CommandError(
        'unavailable',
        `Job ${target.jobId} is counted and not sent: ${why}; reconcile mends it`,
      )
    })
    throw error
  }
  return { sent: true, state }
}
