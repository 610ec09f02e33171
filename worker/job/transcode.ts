import type { Api, JobRef } from '../../shared/api.ts'
import type { VideoKey } from '../../shared/api-keys.ts'
import { errorCodes, type WorkerError } from '../../shared/errors.ts'
import { cancelKey, jobFolder, jobRoot, masterKey, workFolder } from '../../shared/keys.ts'
import type { TranscodeMessage } from '../../shared/messages.ts'
import type { RedisPort } from '../../shared/redis.ts'
import { createFanOut } from './fan-out.ts'
import type { PartPorts } from './part.ts'
import { removeFolder, sweepFolder } from './sweep.ts'
import { describeText } from './text-publish.ts'
import { removeOlderVersions } from './versions.ts'
import { isPublished, packageVideo, type VideoResult, type VideoSpec } from './video.ts'
import type { RunContext, VideoWork } from './work.ts'

export interface TranscodePorts extends PartPorts {
  readonly api: Api
  readonly redis: RedisPort
}

/** A lecture's video: contract.md sections 1 to 4. body: of the message that started it. */
export function transcodeWork(message: TranscodeMessage, body: string, ports: TranscodePorts): VideoWork {
  const { api, storage, config, redis } = ports
  const { jobId, tenantId, videoId } = message
  const root = jobRoot(tenantId, videoId)
  const folder = jobFolder(root, jobId)
  const ref: JobRef = { jobId, videoId }
  let context: RunContext | undefined
  let key: Promise<VideoKey> | undefined

  const identity = { jobId, backlogTenant: tenantId, video: { tenantId, videoId } }
  const shared = { identity, body, group: `tenant-${tenantId}` }
  const spec: VideoSpec = {
    ...{
      jobId,
      sourceKey: message.fileKey,
      folder,
      profile: message.profile,
    },
    askKey: (signal) => {
      key ??= api.videoKey(ref, signal)
      return key
    },
  }

  async function complete(result: VideoResult, signal: AbortSignal): Promise<'accepted' | 'gone'> {
    const answer = await api.complete(ref, completeBody(result, jobId, context?.attempt ?? 1), signal)
    if (answer === 'accepted') context?.reporter.move('done')
    return answer
  }

  return {
    ...shared,
    kind: 'transcode',
    labels: { job: jobId, video: videoId, tenant: tenantId },
    spec: async () => spec,
    run(run) {
      context = run
      return packageVideo(spec, ports, run, createFanOut(shared, ports))
    },
    complete,
    async fail(error, signal) {
      const retryable = error.kind !== 'rejected' && error.kind !== 'cancelled'
      return api.fail(ref, { reason: failReason(error), code: error.code, retryable }, signal)
    },
    removeOutput: (error, signal) => removeFolder(folder, error, storage, signal),
    isPublished: (signal) => isPublished(spec, storage, signal),
    sweep: (state, signal) => sweepFolder(spec, state, storage, signal, complete),
    // The request lives 300 s (contract.md section 3); an outage of the API or the bucket may last longer.
    rememberCancel: () => redis.set(cancelKey(tenantId, videoId), '1', 86_400).catch(() => {}),
    // A new job of the same video must not hear it again.
    ended: () => redis.delete(cancelKey(tenantId, videoId)),
    async tidy(result, signal) {
      await storage.deletePrefix(workFolder(folder), signal)
      const { logger } = context!
      await removeOlderVersions(storage, root, folder, config.hls.keepVersions, { signal, logger })
      logger.info({ bytes: result.video.bytes, seconds: result.video.seconds }, 'published')
    },
    status({ state, result, error }) {
      if (state === 'done' && result) {
        return { status: 'READY', hls_path: result.masterKey, duration: wholeSeconds(result) }
      }
      if (state === 'done') return { status: 'READY', hls_path: masterKey(folder) }
      return { status: 'FAILED', error_reason: error ? failReason(error) : 'unknown' }
    },
  }
}

/** The sentence for people: what the code means, then what was found. */
export function failReason(error: WorkerError): string {
  return `${errorCodes[error.code].meaning} (${error.message})`
}

export function wholeSeconds(result: VideoResult): number {
  return Math.max(1, Math.round(result.video.seconds))
}

function completeBody(result: VideoResult, jobId: string, attempt: number) {
  const { plan, video } = result
  const { video: picture, demuxer, audio } = plan.facts
  return {
    ...{ hls_path: result.masterKey, duration: wholeSeconds(result), job_id: jobId, attempt },
    ...(result.posterKey ? { thumbnail_path: result.posterKey } : {}),
    ...(result.storyboardKey ? { storyboard_path: result.storyboardKey } : {}),
    renditions: video.variants.map(({ name, width, height, codec, segments }) => ({
      ...{ name, width, height, codec, segments: segments.length },
      bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0),
    })),
    source: {
      ...{
        container: demuxer,
        codec: picture?.codec ?? audio[0]?.codec ?? 'unknown',
        width: picture?.displayWidth ?? 0,
        height: picture?.displayHeight ?? 0,
      },
      ...{ bytes: plan.source.bytes, seconds: plan.facts.seconds, audio_tracks: audio.length },
      frame_rate: picture ? picture.rate.num / picture.rate.den : 0,
      ...describeText(plan, result.text),
    },
    bytes: video.bytes,
    encode_seconds: Number(result.encodeSeconds.toFixed(3)),
  }
}
