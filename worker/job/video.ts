import type { VideoKey } from '../../shared/api-keys.ts'
import type { Config } from '../../shared/config.ts'
import { WorkerError } from '../../shared/errors.ts'
import { masterKey, planKey } from '../../shared/keys.ts'
import type { Part } from '../../shared/messages.ts'
import type { Metrics } from '../../shared/metrics.ts'
import type { Storage } from '../../shared/storage.ts'
import { type AudioManifest, type ChunkManifest, openLedger, type Plan } from '../chunk/ledger.ts'
import { readManifests } from '../chunk/manifests.ts'
import { isShared, missingParts } from '../chunk/parts.ts'
import { readText, type TextManifest } from '../chunk/text-ledger.ts'
import type { ToolHost } from '../media/host.ts'
import type { Profile } from '../media/profile.ts'
import { orRefuseCopy } from './copy-plan.ts'
import { checkDrift } from './drift.ts'
import type { FanOut } from './fan-out.ts'
import { withVideo } from './opening.ts'
import { planJob } from './plan.ts'
import { type Assembled, assemble, checkPresent, hasMedia, straysIn } from './publish.ts'
import { putOnline } from './put-online.ts'
import { openSeal } from './seal.ts'
import { believed, judgeSource } from './second-look.ts'
import type { SourceServer } from './source.ts'
import { orStartOver } from './start-over.ts'
import { textPart } from './text.ts'
import { checkTextPresent, fittedText, skippedText, textStraysIn } from './text-publish.ts'
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
  /** Whether the instance is likely to be taken away: long work is better begun elsewhere. */
  leavesSoon(): boolean
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
    const { context, ledger, source, uploader, stage } = opened
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
    turnAwayIfLong(missing, ports, run)
    const encoding = encodeContext(opened, spec, plan, await openSeal(spec, plan, signal))

    const [chunks, heard, poster, text] = await orRefuseCopy(plan, ledger, context.logger, () =>
      together(run, [
        believed(opened, walkChunks(encoding, present, context)),
        believed(opened, walkSounds(encoding, present, context)),
        believed(opened, makePictures(spec, opened, plan, present)),
        textPart(encoding, storage, present),
      ]),
    )
    const audio = await fitSounds(encoding, chunks, heard)
    await uploader.drained(signal)

    reporter.move('validating')
    const verify = () =>
      stage('verify', async () => {
        await judgeSource(source)
        const stored = await ledger.present(signal)
        checkPresent(chunks, audio, stored)
        checkDrift(plan, chunks, audio)
        checkTextPresent(text, stored)
        const video = assemble(plan, chunks, audio)
        const subtitles = fittedText(text, video.seconds)
        const strays = [...straysIn(stored, chunks, audio), ...textStraysIn(stored, subtitles)]
        return { video, subtitles, strays }
      })
    const { video, strays, subtitles } = await orRefuseCopy(plan, ledger, context.logger, () =>
      orStartOver(plan, ledger, context, verify),
    )
    reporter.move('thumbnail')
    const storyboard = makeStoryboard(plan, chunks)
    for (const skipped of skippedText(plan, text)) context.logger.warn(skipped, 'subtitles skipped')

    reporter.move('uploading')
    await stage('publish', (limit) =>
      putOnline(spec, plan, { video, subtitles, strays, storyboard, poster }, context, limit),
    )
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
export async function publishedBefore(
  spec: VideoSpec,
  storage: Storage,
  signal: AbortSignal,
): Promise<VideoResult | typeof alreadyPublished | undefined> {
  if (!(await isPublished(spec, storage, signal))) return undefined
  const ledger = openLedger(storage, spec.folder)
  const plan = await ledger.readPlan(signal)
  const present = await ledger.present(signal)
  // A plan that cannot be read (another release wrote it) is no sign that the API has accepted the job.
  // Nor is a master alone: the video was deleted while it was published.
  if (!plan) return present.has(planKey('')) || !hasMedia(present) ? undefined : alreadyPublished
  if (missingParts(plan, present).length > 0) return undefined
  const manifests = await readManifests(ledger, plan, present, signal)
  const text = await readText(storage, spec.folder, plan, present, signal)
  return resultOf(spec, plan, { ...manifests, text })
}

/**
 * A rebalance recommendation: what takes longer than a chunk goes to another instance, once. Whoever gets it the second
 * time keeps it, since the recommendation may be for every instance of its kind. Throws leaving_soon.
 */
function turnAwayIfLong(missing: readonly Part[], ports: VideoPorts, { attempt }: RunContext): void {
  const chunks = missing.filter((part) => part.type === 'chunk').length
  if (attempt > 1 || chunks <= 1 || !ports.leavesSoon()) return
  throw new WorkerError(
    'leaving_soon',
    `${chunks} chunks are to be encoded, and the instance may be reclaimed`,
  )
}
