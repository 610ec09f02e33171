import type { WorkerError } from '../../shared/errors.ts'
import type { FinalState } from '../../shared/jobs.ts'
import { workFolder } from '../../shared/keys.ts'
import type { Storage } from '../../shared/storage.ts'
import { isPublished, publishedBefore, type VideoResult, type VideoSpec } from './video.ts'
import { alreadyPublished } from './work.ts'

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

/** Reports a result to whoever the job is for, as settle does of one that has just been published. */
type Tell = (result: VideoResult, signal: AbortSignal) => Promise<'accepted' | 'gone'>

/**
 * Removes what a job that has ended must not leave in its folder: the ledger when it is done, else everything; but a
 * video that viewers can play stays, of a cancelled job when the API takes its report. A message that came while Redis
 * was away made it anew; whether the API has heard of it, and says READY since, nobody knows but the API.
 */
export async function sweepFolder(
  spec: VideoSpec,
  state: FinalState,
  storage: Storage,
  signal: AbortSignal,
  tell: Tell,
): Promise<void> {
  const { folder } = spec
  if (state === 'dead' && (await isPublished(spec, storage, signal))) return
  const stays = state === 'done' || (state === 'cancelled' && (await isReported(spec, storage, signal, tell)))
  await storage.deletePrefix(stays ? workFolder(folder) : folder, signal)
}

async function isReported(
  spec: VideoSpec,
  storage: Storage,
  signal: AbortSignal,
  tell: Tell,
): Promise<boolean> {
  const before = await publishedBefore(spec, storage, signal)
  if (!before) return false
  return before === alreadyPublished || (await tell(before, signal)) === 'accepted'
}
