import { WorkerError } from '../../shared/errors.ts'
import { cacheControlOf, contentTypeOf } from '../../shared/keys.ts'
import type { Storage } from '../../shared/storage.ts'
import type { Plan } from '../chunk/ledger.ts'
import { type Assembled, playlists, type TextObject } from './publish.ts'
import { chaptersObject, type FittedText } from './text-publish.ts'
import { posterKeyOf } from './thumbnails.ts'
import type { VideoContext, VideoSpec } from './video.ts'

export interface Publication {
  readonly video: Assembled
  readonly subtitles: readonly FittedText[]
  /** Names in the job's folder that are no part of it. */
  readonly strays: readonly string[]
  readonly storyboard: TextObject | undefined
  readonly poster: Buffer | undefined
}

/** Stores all that makes a finished video visible, the master last. Throws video_deleted or input_changed. */
export async function putOnline(
  spec: VideoSpec,
  plan: Plan,
  { video, subtitles, strays, storyboard, poster }: Publication,
  { storage, logger }: Pick<VideoContext, 'storage' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  await lookAgain(plan, storage, signal)
  const texts = playlists(video, subtitles)
  const master = texts.pop()!
  const beside = [storyboard, chaptersObject(plan)].filter((object) => object !== undefined)
  const media = [...texts, ...beside]
  const put = (key: string, body: Buffer | string) =>
    storage.put(key, body, { contentType: contentTypeOf(key), cacheControl: cacheControlOf(key), signal })
  if (strays.length > 0) {
    logger.info({ strays: strays.length }, 'files of a plan that was given up are removed')
    await storage.deleteKeys(
      strays.map((name) => spec.folder + name),
      signal,
    )
  }
  await Promise.all([
    ...(poster ? [put(posterKeyOf(spec, plan), poster)] : []),
    ...media.map(({ name, text }) => put(spec.folder + name, text)),
  ])
  await put(spec.folder + master.name, master.text)
}

/**
 * A video that was deleted during its encode must not leave its files behind, and one that was replaced must not
 * show the old pictures: look before anything is published.
 */
async function lookAgain({ source }: Plan, storage: Storage, signal: AbortSignal): Promise<void> {
  const now = await storage.head(source.key, signal)
  if (!now)
    throw new WorkerError('video_deleted', 'the source was deleted while the video was being processed')
  if (now.etag !== source.etag)
    throw new WorkerError('input_changed', 'the source was replaced while the video was being processed')
}
