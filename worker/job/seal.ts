import { createHmac } from 'node:crypto'
import type { VideoKey } from '../../shared/api-keys.ts'
import { WorkerError } from '../../shared/errors.ts'
import type { Encryption, Plan } from '../chunk/ledger.ts'
import type { Profile } from '../media/profile.ts'
import { type Seal, sealWith } from '../media/seal.ts'
import type { VideoSpec } from './video.ts'

/** How a new plan of this profile encrypts; undefined: it does not. Throws key_unavailable and what the API throws. */
export async function planEncryption(
  spec: VideoSpec,
  { encryption = 'none' }: Profile,
  signal: AbortSignal,
): Promise<Encryption | undefined> {
  if (encryption === 'none') return undefined
  const given = await spec.askKey(signal)
  return { method: encryption, uri: given.uri, check: checkOf(given, spec) }
}

/** Whether the API gives another key by now than the one that a plan was made with: what it sealed is of no use then. */
export async function keyChanged(
  spec: VideoSpec,
  { encryption }: Plan,
  signal: AbortSignal,
): Promise<boolean> {
  return encryption !== undefined && !fits(encryption, await spec.askKey(signal), spec)
}

/** What seals the segments of a plan; undefined: they stay as they are. Throws key_changed, key_unavailable. */
export async function openSeal(
  spec: VideoSpec,
  { encryption }: Plan,
  signal: AbortSignal,
): Promise<Seal | undefined> {
  if (!encryption) return undefined
  const given = await spec.askKey(signal)
  if (fits(encryption, given, spec)) return sealWith(given.key)
  throw new WorkerError('key_changed', 'the key is not the one that the plan was made with')
}

function fits({ uri, check }: Encryption, given: VideoKey, spec: VideoSpec): boolean {
  return given.uri === uri && checkOf(given, spec) === check
}

/** Tells two keys apart and says nothing of either: a digest that only the key itself gives, cut short. */
function checkOf({ key }: VideoKey, { jobId }: VideoSpec): string {
  return createHmac('sha256', key).update(`video-worker ${jobId}`).digest('hex').slice(0, 16)
}
