import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { posterName } from '../chunk/layout.ts'
import type { ChunkManifest, Plan } from '../chunk/ledger.ts'
import { makeCover } from '../media/cover.ts'
import type { SourceFacts } from '../media/facts.ts'
import { type StoryboardSheet, storyboardVtt } from '../media/playlist.ts'
import { makePoster } from '../media/poster.ts'
import { storyboardCues, storyboardPlan } from '../media/storyboard.ts'
import { posterLimits } from '../media/tool-limits.ts'
import { makeExtras } from './extras.ts'
import { readMade } from './made-files.ts'
import type { OpenVideo } from './opening.ts'
import type { TextObject } from './publish.ts'
import type { VideoSpec } from './video.ts'
import type { Present } from './walk.ts'

/** Whether there is a poster: of sound alone only when it has a cover, or when a poster is called for. */
export function hasPoster(
  facts: SourceFacts,
  { posterNeeded = false }: Pick<VideoSpec, 'posterNeeded'>,
): boolean {
  return facts.video !== undefined || facts.cover !== undefined || posterNeeded
}

/**
 * The poster's JPEG, taken while the first chunk is encoded; undefined where there is none. Its failure fails the
 * job: lesson 39.
 */
async function makeThumbnail(
  spec: VideoSpec,
  { source, context }: OpenVideo,
  plan: Plan,
): Promise<Buffer | undefined> {
  const { facts } = plan
  if (!hasPoster(facts, spec)) return undefined
  const { config, host, logger, signal } = context
  // A folder of its own: beside it lies the source.
  const dir = join(context.dir, 'poster')
  await mkdir(dir, { recursive: true })
  const path = join(dir, 'poster.jpg')
  const request = {
    ...{ url: source.url, host, signal, logger, path, cwd: dir },
    ...{ bin: config.ffmpeg.bin, threads: config.ffmpeg.threads, maxPixels: config.limits.maxPixels },
    limits: posterLimits(config.ffmpeg, config.stall.stageSeconds),
    timeoutMs: config.stall.stageSeconds * 1000,
    ...preferred(spec, plan),
  }
  const making = facts.video ? makePoster({ ...request, facts }) : makeCover({ ...request, facts })
  const poster = await making.catch((error: unknown) => {
    throw source.failure() ?? error
  })
  if (poster?.lively === false)
    logger.warn('every picture of the video is black or flat: the thumbnail was lit up')
  return readMade(path)
}

/** The job's own wish first, as the catalogue has one (contract.md section 5), then what the layout is known for. */
function preferred({ posterSeconds }: VideoSpec, { profile, facts }: Plan): { preferSeconds?: number } {
  const wanted =
    posterSeconds ?? profile.posterSeconds ?? (profile.layout === 'academy' ? facts.seconds / 2 : undefined)
  return wanted === undefined ? {} : { preferSeconds: wanted }
}

/** The poster and what the profile wants beside it; what is in the bucket already is not made again. */
export async function makePictures(
  spec: VideoSpec,
  opened: OpenVideo,
  plan: Plan,
  present: Present,
): Promise<Buffer | undefined> {
  const stored = await opened.ledger.readPoster(present, opened.context.signal)
  const poster = stored ?? (await makeThumbnail(spec, opened, plan))
  if (poster) await makeExtras(spec, opened, plan, poster, present)
  return poster
}

/** Whole key of the poster. */
export function posterKeyOf({ posterKey, folder }: VideoSpec, plan: Plan): string {
  return posterKey ?? folder + posterName(plan)
}

/** The storyboard's index over the sheets that the chunks made on the side; undefined for a video without one. */
export function makeStoryboard(plan: Plan, chunks: readonly ChunkManifest[]): TextObject | undefined {
  const top = plan.ladder[0]?.name ?? ''
  const sheets = chunks.flatMap((manifest): StoryboardSheet[] => {
    const chunk = plan.grid.chunks[manifest.index]!
    const board = storyboardPlan({ ladder: plan.ladder, grid: plan.grid, chunk, profile: plan.profile })
    const seconds = (manifest.tracks[top]?.segments ?? []).reduce((sum, segment) => sum + segment.seconds, 0)
    const made = new Set(manifest.sheets.map((sheet) => sheet.uri))
    if (seconds === 0) return []
    return storyboardCues(board, chunk.startSeconds, seconds)
      .map(({ sheet, cues }) => ({ uri: plan.series + sheet, cues }))
      .filter(({ uri }) => made.has(uri))
      .map(({ uri, cues }) => ({
        uri,
        cues,
        columns: board.columns,
        width: board.width,
        height: board.height,
      }))
  })
  return sheets.length === 0 ? undefined : { name: 'storyboard.vtt', text: storyboardVtt(sheets) }
}
