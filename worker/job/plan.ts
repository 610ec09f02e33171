import { WorkerError } from '../../shared/errors.ts'
import { planGrid } from '../chunk/grid.ts'
import type { Plan } from '../chunk/ledger.ts'
import { outputRate, planLadder } from '../media/ladder.ts'
import { probeSource } from '../media/probe.ts'
import type { Profile } from '../media/profile.ts'
import type { OpenVideo } from './opening.ts'
import type { VideoSpec } from './video.ts'

/** What ffmpeg's probing and the sniffing of playlists look at, in bytes. */
const headBytes = 65_536

/**
 * The job's plan: the one in the bucket when it was made for this very source, else a new one from a probe. A plan
 * for a source that was replaced meanwhile is forgotten with everything that was encoded from it.
 */
export async function planJob(spec: VideoSpec, opened: OpenVideo): Promise<{ plan: Plan; resumed: boolean }> {
  const { object, ledger, context } = opened
  const { signal, logger } = context
  const existing = await ledger.readPlan(signal)
  if (existing && existing.source.etag === object.etag) {
    logger.info({ chunks: existing.grid.chunks.length }, 'the plan is in the bucket: going on from there')
    return { plan: existing, resumed: true }
  }
  if (existing) {
    logger.warn({ was: existing.source.etag, is: object.etag }, 'the source was replaced: starting over')
    await ledger.clear(signal)
  }
  const made = await makePlan(spec, opened)
  return { plan: await ledger.writePlan(made, signal), resumed: false }
}

async function makePlan(
  spec: VideoSpec,
  { object, source, context }: OpenVideo,
): Promise<Omit<Plan, 'version'>> {
  const { config, host, signal, logger } = context
  const profile = profileOf(spec, context.profiles)
  const head = await source.read(0, Math.min(object.bytes, headBytes) - 1)
  const facts = await probeSource({
    ...{ url: source.url, bytes: object.bytes, head, host, signal, logger, cwd: context.dir },
    tools: {
      probeBin: config.ffmpeg.probeBin,
      timeoutSeconds: config.ffmpeg.probeTimeoutSeconds,
      memoryMb: config.ffmpeg.memoryLimitMb,
      nice: config.ffmpeg.nice,
    },
    limits: config.limits,
  }).catch((error: unknown) => {
    // ffprobe calls a file broken that could not be read: the reason is the reading.
    throw source.failure() ?? error
  })
  for (const warning of facts.warnings) logger.warn({ warning }, 'the source is odd')
  const ladder = planLadder(facts, profile)
  const grid = planGrid({
    rate: outputRate(facts, profile),
    seconds: facts.seconds,
    segmentSeconds: config.hls.segmentSeconds,
    chunkSeconds: facts.seek.mode === 'none' ? Number.POSITIVE_INFINITY : config.hls.chunkSeconds,
  })
  const { key, bytes, etag } = object
  return { jobId: spec.jobId, source: { key, bytes, etag }, profile, facts, ladder, grid }
}

function profileOf(spec: VideoSpec, profiles: ReadonlyMap<string, Profile>): Profile {
  const name = spec.profile ?? 'default'
  const profile = profiles.get(name)
  if (profile) return profile
  const known = [...profiles.keys()].join(', ')
  throw new WorkerError('profile_unknown', `there is no profile "${name}"; there are ${known}`)
}
