import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { retry } from '../shared/backoff.ts'
import type { Config } from '../shared/config.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import type { Logger } from '../shared/logger.ts'
import type { Queue } from '../shared/queue.ts'
import type { Storage } from '../shared/storage.ts'
import { freeBytes } from './job/workdir.ts'
import { lackingEncoders } from './media/encoders.ts'
import type { ToolHost } from './media/host.ts'
import { loadProfiles, type Profile } from './media/profile.ts'

/** Redrive must never be quicker than the worker's own attempts, which it backs up: architecture.md. */
const leastReceives = 50
/** A message must outlive an outage over a weekend, in seconds. */
const leastRetention = 4 * 24 * 3600

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

/** A key that the bucket refuses at the start is a wrong one; a bucket that is full will not always be. */
function mayPass({ kind, code, details }: WorkerError): boolean {
  return kind === 'released' && (code !== 'storage_denied' || details.status === 507)
}

/** The scratch folder exists, is ours to write, and has room. */
export async function checkScratch(config: Config['scratch']): Promise<void> {
  const probe = join(config.dir, `.write-test-${process.pid}`)
  try {
    await mkdir(config.dir, { recursive: true })
    await writeFile(probe, 'x')
    await rm(probe)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new WorkerError(
      'config_invalid',
      `VIDEO_WORKER_TEMP_DIR ${config.dir} cannot be written: ${reason}`,
    )
  }
  const free = await freeBytes(config.dir)
  if (free < config.minFreeBytes) {
    const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
    throw new WorkerError(
      'config_invalid',
      `VIDEO_WORKER_TEMP_DIR ${config.dir} has ${megabytes(free)} free, SCRATCH_MIN_FREE_MB asks for ${megabytes(config.minFreeBytes)}`,
    )
  }
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
  const differences: string[] = []
  if (live.deadLetterArn === undefined)
    differences.push('it has no redrive policy: a message that always fails never leaves it')
  if (live.maxReceiveCount !== undefined && live.maxReceiveCount < leastReceives)
    differences.push(
      `maxReceiveCount is ${live.maxReceiveCount}: hand-backs and waits need ${leastReceives}, else good jobs end in the DLQ`,
    )
  if (live.retentionSeconds < leastRetention)
    differences.push(
      `retention is ${live.retentionSeconds} s: less than ${leastRetention} s loses jobs in a long outage`,
    )
  if (live.visibilitySeconds < config.lease.minSlackSeconds * 2)
    differences.push(`visibility is ${live.visibilitySeconds} s: less than twice LEASE_MIN_SLACK_SECONDS`)
  for (const difference of differences)
    logger.warn({ queue: config.queue.name }, `queue attributes: ${difference}`)
}
