import type { VideoKey } from '../../shared/api-keys.ts'
import type { Config } from '../../shared/config.ts'
import { WorkerError } from '../../shared/errors.ts'
import { cacheControlOf, contentTypeOf, masterKey, planKey } from '../../shared/keys.ts'
import type { Metrics } from '../../shared/metrics.ts'
import type { Storage } from '../../shared/storage.ts'
import {
  type AudioManifest,
  type ChunkManifest,
  openLedger,
  type Plan,
  readManifests,
} from '../chunk/ledger.ts'
import { isShared, missingParts } from '../chunk/parts.ts'
import { readText, type TextManifest } from '../chunk/text-ledger.ts'
import type { ToolHost } from '../media/host.ts'
import type { Profile } from '../media/profile.ts'
import { orRefuseCopy } from './copy-plan.ts'
import { checkDrift } from './drift.ts'
import type { FanOut } from './fan-out.ts'
import { withVideo } from './opening.ts'
import { planJob } from './plan.ts'
import { type Assembled, assemble, checkPresent, playlists, straysIn } from './publish.ts'
import { openSeal } from './seal.ts'
import type { SourceServer } from './source.ts'
import { textPart } from './text.ts'
import { chaptersObject, checkTextPresent, fittedText, skippedText, textStraysIn } from './text-publish.ts'
import { hasPoster, makePictures, makeStoryboard, posterKeyOf } from './thumbnails.ts'
import { together } from './together.ts'
import { encodeContext, fitSounds, walkChunks, walkSounds } from './walk.ts'
import { alreadyPublished, fannedOut, type RunContext } from './work.ts'
import type { Scratch } from './workdir.ts'

/** What is to be made of which object. Keys are without R2_PREFIX. */
export interface VideoSpec {
  readonly jobId: string
  readonly sourceKey: string
  /** Everything this job writes lies under it; ends with a slash. */
  readonly folder: string
  readonly profile?: string | undefined
  /** Where the poster goes, if not into the job's folder. */
  readonly posterKey?: string
  /** Where the poster should come from, in seconds; else where the video shows something. */
  readonly posterSeconds?: number
  /** Whoever is told of the video wants a poster, even of sound without a cover. */
  readonly posterNeeded?: boolean
  /** Asks for the job's key, once; only of a profile that encrypts. */
  askKey(signal: AbortSignal): Promise<VideoKey>
}

export interface VideoPorts {
  readonly config: Config
  readonly storage: Storage
  readonly sources: SourceServer
  readonly scratch: Scratch
  readonly host: ToolHost
  readonly metrics: Metrics
  readonly profiles: ReadonlyMap<string, Profile>
  /** Told of bytes read from or sent to the bucket: worker/scavenge.ts. */
  onBytesMoved(bytes: number): void
}

export interface VideoContext extends VideoPorts, RunContext {
  /** Scratch folder of this attempt. */
  readonly dir: string
}

export interface VideoResult {
  readonly plan: Plan
  readonly video: Assembled
  /** Subtitles, if the source came with any that are text. */
  readonly text: TextManifest | undefined
  readonly masterKey: string
  readonly posterKey: string | undefined
  readonly storyboardKey: string | undefined
  /** Wall seconds of all encodes, other attempts' included. */
  readonly encodeSeconds: number
}

/**
 * The story of one video, top to bottom: look at the source, plan, encode while reading and uploading, judge what
 * is in the bucket, publish in order. The API hears of it from settle, after this has returned. A long video is
 * shared instead of encoded here, and told to its end by the join that finds all parts.
 */
export async function packageVideo(
  spec: VideoSpec,
  ports: VideoPorts,
  run: RunContext,
  fanOut: FanOut,
): Promise<VideoResult | typeof fannedOut | typeof alreadyPublished> {
  const before = await publishedBefore(spec, ports.storage, run.signal)
  if (before) return before
  return withVideo(spec, ports, run, async (opened) => {
    const { context, ledger, uploader, stage } = opened
    const { storage, signal, reporter } = context
    reporter.move('probing')
    const { plan, resumed } = await stage('plan', () => planJob(spec, opened))
    const present = resumed ? await ledger.present(signal) : new Map<string, number>()
    const missing = missingParts(plan, present)
    if (missing.length > 0 && isShared(plan, context.config.hls)) {
      await stage('fan-out', async (limit) => {
        const poster = await makePictures(spec, opened, plan, present)
        if (poster) await ledger.writePoster(poster, limit)
        await fanOut.send(missing, context.logger, limit)
      })
      reporter.move('transcoding', 0)
      return fannedOut
    }
    const encoding = encodeContext(opened, spec, plan, await openSeal(spec, plan, signal))

    const [chunks, heard, poster, text] = await orRefuseCopy(plan, ledger, context.logger, () =>
      together(run, [
        walkChunks(encoding, present, context),
        walkSounds(encoding, present, context),
        makePictures(spec, opened, plan, present),
        textPart(encoding, storage, present),
      ]),
    )
    const audio = await fitSounds(encoding, chunks, heard)
    await uploader.drained(signal)

    reporter.move('validating')
    const { video, strays, subtitles } = await orRefuseCopy(plan, ledger, context.logger, () =>
      stage('verify', async () => {
        const stored = await ledger.present(signal)
        checkPresent(chunks, audio, stored)
        checkDrift(plan, chunks, audio)
        checkTextPresent(text, stored)
        const video = assemble(plan, chunks, audio)
        const subtitles = fittedText(text, video.seconds)
        const strays = [...straysIn(stored, chunks, audio), ...textStraysIn(stored, subtitles)]
        return { video, subtitles, strays }
      }),
    )
    reporter.move('thumbnail')
    const storyboard = makeStoryboard(plan, chunks)
    for (const skipped of skippedText(plan, text)) context.logger.warn(skipped, 'subtitles skipped')

    reporter.move('uploading')
    await stage('publish', async (limit) => {
      await lookAgain(plan, storage, limit)
      const texts = playlists(video, subtitles)
      const master = texts.pop()!
      const beside = [storyboard, chaptersObject(plan)].filter((object) => object !== undefined)
      const media = [...texts, ...beside]
      const put = (key: string, body: Buffer | string) =>
        storage.put(key, body, {
          contentType: contentTypeOf(key),
          cacheControl: cacheControlOf(key),
          signal: limit,
        })
      if (strays.length > 0) {
        context.logger.info({ strays: strays.length }, 'files of a plan that was given up are removed')
        await storage.deleteKeys(
          strays.map((name) => spec.folder + name),
          limit,
        )
      }
      await Promise.all([
        ...(poster ? [put(posterKeyOf(spec, plan), poster)] : []),
        ...media.map(({ name, text }) => put(spec.folder + name, text)),
      ])
      await put(spec.folder + master.name, master.text)
    })
    return resultOf(spec, plan, { chunks, audio, text }, video, storyboard)
  })
}

interface Manifests {
  readonly chunks: readonly ChunkManifest[]
  readonly audio: readonly AudioManifest[]
  readonly text: TextManifest | undefined
}

function resultOf(
  spec: VideoSpec,
  plan: Plan,
  { chunks, audio, text }: Manifests,
  video = assemble(plan, chunks, audio),
  storyboard = makeStoryboard(plan, chunks),
): VideoResult {
  return {
    ...{ plan, video, masterKey: masterKey(spec.folder) },
    posterKey: hasPoster(plan.facts, spec) ? posterKeyOf(spec, plan) : undefined,
    ...{ text, storyboardKey: storyboard && spec.folder + storyboard.name },
    encodeSeconds: [...chunks, ...audio, ...(text ? [text] : [])].reduce(
      (sum, part) => sum + part.encodeSeconds,
      0,
    ),
  }
}

/** Whether a viewer can play the job's result: the master is the last object of all. */
export async function isPublished(
  { folder }: Pick<VideoSpec, 'folder'>,
  storage: Storage,
  signal: AbortSignal,
): Promise<boolean> {
  return (await storage.head(masterKey(folder), signal)) !== undefined
}

/**
 * What an earlier attempt published: the bucket remembers it when Redis does not, and needs no source for it. With
 * the ledger still there it has yet to be reported; without, the API has accepted it.
 */
async function publishedBefore(spec: VideoSpec, storage: Storage, signal: AbortSignal) {
  if (!(await isPublished(spec, storage, signal))) return undefined
  const ledger = openLedger(storage, spec.folder)
  const plan = await ledger.readPlan(signal)
  const present = await ledger.present(signal)
  // A plan that cannot be read (another release wrote it) is no sign that the API has accepted the job.
  if (!plan) return present.has(planKey('')) ? undefined : alreadyPublished
  if (missingParts(plan, present).length > 0) return undefined
  const manifests = await readManifests(ledger, plan, present, signal)
  const text = await readText(storage, spec.folder, plan, present, signal)
  return resultOf(spec, plan, { ...manifests, text })
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
