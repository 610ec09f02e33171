import type { FinalState } from '../../shared/jobs.ts'
import { workFolder } from '../../shared/keys.ts'
import type { Storage } from '../../shared/storage.ts'
import { isPublished } from './video.ts'

/**
 * Removes what a job that has ended must not leave in its folder: the ledger when it is done, else everything; but a
 * video that viewers can play goes only with a job that nobody wants any more.
 */
export async function sweepFolder(
  folder: string,
  state: FinalState,
  storage: Storage,
  signal: AbortSignal,
): Promise<void> {
  if (state === 'dead' && (await isPublished({ folder }, storage, signal))) return
  await storage.deletePrefix(state === 'done' ? workFolder(folder) : folder, signal)
}
