import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { retry } from '../shared/backoff.ts'
import type { Config } from '../shared/config.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Queue } from '../shared/queue.ts'
import { queueDifferences } from '../shared/queue-needs.ts'
import type { Storage } from '../shared/storage.ts'
import { lackingEncoders } from './media/encoders.ts'
import type { ToolHost } from './media/host.ts'
import { loadProfiles, type Profile } from './media/profile.ts'

/**
 * Calls `check` until it answers, for `seconds` at most: services of a new instance come up in any order. A wrong
 * configuration is final at once. Throws boot_unavailable or config_invalid.
 */
export async function patiently<T>(
  what: string,
  { seconds, signal }: { seconds: number; signal: AbortSignal },
  check: () => Promise<T>,
): Promise<T> {
  const started = performance.now()
  const left = () => performance.now() - started < seconds * 1000
  const options = { tries: 30, base: 0.5, cap: 5, signal }
  return retry(check, {
    ...options,
    retryIf: (error) => mayPass(asWorkerError(error)) && left(),
  }).catch((thrown: unknown) => {
    const error = asWorkerError(thrown)
    const code = mayPass(error) ? 'boot_unavailable' : 'config_invalid'
    throw new WorkerError(code, `${what}: ${error.message}`, { cause: error })
  })
}

/** A bucket's words for a configuration that names a bucket or a key that do not exist. */
const wrongNames = new Set(['InvalidAccessKeyId', 'NoSuchBucket', 'SignatureDoesNotMatch'])

/**
 * Also a refusal: R2 refuses a new token for some time after it was made, and one whose rights somebody is about to
 * mend. A worker that gave up for good would have to be started by hand on each instance.
 */
function mayPass({ kind, code, details }: WorkerError): boolean {
  return kind === 'released' && !(code === 'storage_denied' && wrongNames.has(String(details.error)))
}

/**
 * The profiles of PROFILES_FILE, or the built-in ones without it. Throws config_invalid, also for one that asks for an
 * encoder that ffmpeg lacks: its jobs would wait for ever.
 */
export async function readProfiles(path: string, host: ToolHost): Promise<ReadonlyMap<string, Profile>> {
  if (path === '') return loadProfiles('{}')
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new WorkerError('config_invalid', `PROFILES_FILE ${path} cannot be read: ${error.message}`)
  })
  const profiles = loadProfiles(text)
  const lacks = [...profiles].flatMap(([name, profile]) =>
    lackingEncoders(profile, host).map((lacking) => `${name}: FFMPEG_BIN lacks ${lacking}`),
  )
  if (lacks.length > 0) throw new WorkerError('config_invalid', `PROFILES_FILE:\n${lacks.join('\n')}`)
  return profiles
}

/**
 * The bucket takes a write and gives it back: the credentials are for this bucket and may do both. The object is
 * nobody else's, also where two workers share a name.
 */
export async function checkBucket(storage: Storage, workerId: string, signal: AbortSignal): Promise<void> {
  const key = `.video-worker/boot/${encodeURIComponent(workerId)}-${randomUUID()}.txt`
  const text = new Date().toISOString()
  await storage.put(key, text, { contentType: 'text/plain', signal })
  const back = await storage.getText(key, signal)
  await storage.deleteKeys([key], signal)
  if (back !== text)
    throw new WorkerError('config_invalid', 'the bucket does not give back what was written to it')
}

/** The live queue's attributes against what the worker relies on; a difference is said, and does not stop the boot. */
export async function checkQueue(
  queue: Queue,
  config: Config,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const live = await queue.attributes(signal)
  for (const difference of queueDifferences(live, config.lease))
    logger.warn({ queue: config.queue.name }, `queue attributes: ${difference}`)
}
