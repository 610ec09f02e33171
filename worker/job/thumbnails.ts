import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChunkManifest, Plan } from '../chunk/ledger.ts'
import { type StoryboardSheet, storyboardVtt } from '../media/playlist.ts'
import { makePoster } from '../media/poster.ts'
import { storyboardCues, storyboardPlan } from '../media/storyboard.ts'
import { posterLimits } from '../media/tool-limits.ts'
import { readMade } from './made-files.ts'
import type { OpenVideo } from './opening.ts'
import type { TextObject } from './publish.ts'
import type { VideoSpec } from './video.ts'

/** The poster's JPEG, taken while the first chunk is encoded. Its failure fails the job: lesson 39. */
export async function makeThumbnail(
  spec: VideoSpec,
  { source, context }: OpenVideo,
  plan: Plan,
): Promise<Buffer> {
  const { config, host, logger, signal } = context
  // A folder of its own: beside it lies the source.
  const dir = join(context.dir, 'poster')
  await mkdir(dir, { recursive: true })
  const path = join(dir, 'poster.jpg')
  const poster = await makePoster({
    ...{ url: source.url, facts: plan.facts, host, signal, logger, path, cwd: dir },
    ...{ bin: config.ffmpeg.bin, threads: config.ffmpeg.threads, maxPixels: config.limits.maxPixels },
    limits: posterLimits(config.ffmpeg, config.stall.stageSeconds),
    timeoutMs: config.stall.stageSeconds * 1000,
    ...(spec.posterSeconds === undefined ? {} : { preferSeconds: spec.posterSeconds }),
  }).catch((error: unknown) => {
    throw source.failure() ?? error
  })
  if (!poster.lively) logger.warn('every picture tried for the thumbnail was black or flat')
  return readMade(path)
}

/** The storyboard's index over the sheets that the chunks made on the side; undefined for a video without one. */
export function makeStoryboard(plan: Plan, chunks: readonly ChunkManifest[]): TextObject | undefined {
  const top = plan.ladder[0]!.name
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
