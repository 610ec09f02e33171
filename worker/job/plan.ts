import { createHash } from 'node:crypto'
import { WorkerError } from '../../shared/errors.ts'
import { quoted } from '../../shared/message-fields.ts'
import { planGrid, planSoundGrid } from '../chunk/grid.ts'
import { isMuxed } from '../chunk/layout.ts'
import { copySeries, isCopy, type Ledger, type Plan } from '../chunk/ledger.ts'
import { outputRate, planLadder } from '../media/ladder.ts'
import { probeSource } from '../media/probe.ts'
import type { Profile } from '../media/profile.ts'
import { withCopy } from './copy-plan.ts'
import type { OpenVideo } from './opening.ts'
import { keyChanged, planEncryption } from './seal.ts'
import { findSidecars } from './sidecars.ts'
import type { SourceHandle } from './source.ts'
import type { VideoSpec } from './video.ts'
import type { RunContext } from './work.ts'

/** What ffmpeg's probing and the sniffing of playlists look at, in bytes. */
const headBytes = 65_536
/**
 * A request to the bucket that has waited this long when ffprobe runs out of time is why it did: the source's own
 * patience is for encoders and lasts longer than FFPROBE_TIMEOUT_SECONDS.
 */
const silentBucketMs = 15_000

/**
 * The job's plan: the one in the bucket when it was made for this very source, else a new one from a probe. A plan
 * for a source that was replaced meanwhile is forgotten with everything that was encoded from it.
 */
export async function planJob(spec: VideoSpec, opened: OpenVideo): Promise<{ plan: Plan; resumed: boolean }> {
  const { object, ledger, context } = opened
  const { signal, logger } = context
  const existing = await ledger.readPlan(signal)
  const refusal = existing && isCopy(existing) ? await ledger.copyRefusal(signal) : undefined
  const replaced = existing !== undefined && existing.source.etag !== object.etag
  const rekeyed = existing !== undefined && !replaced && (await keyChanged(spec, existing, signal))
  if (existing && !replaced && !rekeyed && refusal === undefined) {
    logger.info({ chunks: existing.grid.chunks.length }, 'the plan is in the bucket: going on from there')
    return { plan: existing, resumed: true }
  }
  const made = await withCopy(await makePlan(spec, opened), opened, refusal)
  if (!existing) return { plan: await storePlan(made, ledger, context), resumed: false }
  if (refusal !== undefined)
    logger.warn({ reason: refusal }, 'the pictures of the source cannot be copied: starting over')
  else if (rekeyed) logger.warn('the key of the video was replaced: starting over')
  else logger.warn({ was: existing.source.etag, is: object.etag }, 'the source was replaced: starting over')
  // Only now: as long as it is there, whoever comes after a worker that died knows that this plan is not the first.
  await ledger.clear(signal)
  // Of the same source by the same key: that it does not copy keeps its names apart.
  const next = refusal === undefined ? successor(made) : { ...made, series: withoutCopy(existing.series) }
  return { plan: await storePlan(next, ledger, context), resumed: false }
}

/**
 * The plan under names of its own. Others may still work by the one before it, in segments with the same numbers: what
 * they store late would be taken for this plan's, and the video be of two sources or of two keys. Pure.
 */
export function successor(plan: Omit<Plan, 'version'>): Omit<Plan, 'version'> {
  const copy = isCopy(plan) ? copySeries : ''
  const word = createHash('md5')
    .update(JSON.stringify({ ...plan, series: copy }))
    .digest('hex')
    .slice(0, 8)
  return { ...plan, series: `${word}-${copy}` }
}

function withoutCopy(series: string): string {
  return series.slice(0, -copySeries.length)
}

/**
 * The plan that counts for this source: this one, or that of another worker that was first. What stands in the way
 * of it (another release's plan, another source's, a broken one) is cleared once, and this one gets names of its own. Throws output_invalid.
 */
export async function storePlan(
  made: Omit<Plan, 'version'>,
  ledger: Ledger,
  { signal, logger }: Pick<RunContext, 'signal' | 'logger'>,
): Promise<Plan> {
  const fits = (plan: Plan | undefined) => (plan?.source.etag === made.source.etag ? plan : undefined)
  const first = fits(await ledger.writePlan(made, signal))
  if (first) return first
  logger.warn('the plan in the bucket cannot be used: starting over')
  await ledger.clear(signal)
  const second = fits(await ledger.writePlan(successor(made), signal))
  if (second) return second
  throw new WorkerError('output_invalid', 'another plan was written meanwhile, for another source or release')
}

async function makePlan(
  spec: VideoSpec,
  { object, source, context }: OpenVideo,
): Promise<Omit<Plan, 'version'>> {
  const { config, host, signal, logger } = context
  const profile = profileOf(spec, context.profiles)
  const encryption = await planEncryption(spec, profile, signal)
  const head = await source.read(0, Math.min(object.bytes, headBytes) - 1)
  const facts = await probeSource({
    ...{ url: source.url, bytes: object.bytes, head, host, signal, logger, cwd: context.dir },
    read: (start, end) => source.read(start, end),
    tools: {
      probeBin: config.ffmpeg.probeBin,
      ffmpegBin: config.ffmpeg.bin,
      timeoutSeconds: config.ffmpeg.probeTimeoutSeconds,
      memoryMb: config.ffmpeg.memoryLimitMb,
      nice: config.ffmpeg.nice,
    },
    limits: config.limits,
  }).catch((error: unknown) => {
    // ffprobe calls a file broken that could not be read: the reason is the reading.
    throw source.failure() ?? silentBucket(source, error) ?? error
  })
  for (const warning of facts.warnings) logger.warn({ warning }, 'the source is odd')
  const ladder = facts.video ? planLadder(facts, profile) : []
  const { seconds } = facts
  const { segmentSeconds, chunkSeconds } = config.hls
  const grid = facts.video
    ? planGrid({
        ...{ rate: outputRate(facts, profile), seconds, segmentSeconds },
        chunkSeconds: facts.seek.mode === 'none' ? Number.POSITIVE_INFINITY : chunkSeconds,
      })
    : planSoundGrid({ seconds, segmentSeconds })
  const { key, bytes, etag } = object
  // Names of segments are fixed with `academy`: each is an object. Not all players take ranges that are encrypted.
  const segmentStorage =
    isMuxed({ profile, facts }) || encryption
      ? 'files'
      : (profile.segmentStorage ?? config.hls.segmentStorage)
  // Beside muxed segments, which old players alone ask for, nobody would find them.
  const sidecars = isMuxed({ profile, facts }) ? undefined : await findSidecars(key, context.storage, signal)
  return {
    ...{ jobId: spec.jobId, source: { key, bytes, etag }, profile, facts, ladder, grid },
    ...(sidecars ? { sidecars } : {}),
    ...{ segmentStorage, ...(encryption ? { encryption } : {}), series: '' },
  }
}

/** A bucket that went away in mid-probe costs no attempt. */
export function silentBucket(
  source: Pick<SourceHandle, 'waitedMs'>,
  error: unknown,
): WorkerError | undefined {
  const waitedMs = source.waitedMs()
  if (!(error instanceof WorkerError && error.code === 'probe_timeout') || waitedMs < silentBucketMs)
    return undefined
  const message = `ffprobe ran out of time while the bucket had not answered for ${Math.round(waitedMs / 1000)} s`
  return new WorkerError('storage_unavailable', message, { cause: error })
}

function profileOf(spec: VideoSpec, profiles: ReadonlyMap<string, Profile>): Profile {
  const name = spec.profile ?? 'default'
  const profile = profiles.get(name)
  if (profile) return profile
  const known = [...profiles.keys()].join(', ')
  throw new WorkerError('profile_unknown', `there is no profile ${quoted(name)}; there are ${known}`)
}
