import type { WorkerError } from '../../shared/errors.ts'
import type { FinalState } from '../../shared/jobs.ts'
import { planKey, workFolder } from '../../shared/keys.ts'
import type { Storage } from '../../shared/storage.ts'
import { openLedger } from '../chunk/ledger.ts'
import { hasMedia } from './publish.ts'
import { isPublished } from './video.ts'

/** Removes what a job wrote that ends now; a video that viewers can play goes only with a job that nobody wants any more. */
export async function removeFolder(
  folder: string,
  { kind }: WorkerError,
  storage: Storage,
  signal: AbortSignal,
): Promise<void> {
  if (kind !== 'cancelled' && (await isPublished({ folder }, storage, signal))) return
  await storage.deletePrefix(folder, signal)
}

/**
 * Removes what a job that has ended must not leave in its folder: the ledger when it is done, else everything; but a
 * video that viewers can play stays, of a cancelled job when the API has taken its report: a watch that came while Redis
 * was away made it anew, and the API says READY since.
 */
export async function sweepFolder(
  folder: string,
  state: FinalState,
  storage: Storage,
  signal: AbortSignal,
): Promise<void> {
  const stays = state === 'cancelled' ? isReported : isPublished
  if (state !== 'done' && (await stays({ folder }, storage, signal))) return
  await storage.deletePrefix(state === 'done' ? workFolder(folder) : folder, signal)
}

/** The ledger goes behind the report; a master alone is of a video that was removed while it was published. */
async function isReported(
  { folder }: { folder: string },
  storage: Storage,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await isPublished({ folder }, storage, signal))) return false
  const present = await openLedger(storage, folder).present(signal)
  return !present.has(planKey('')) && hasMedia(present)
}
