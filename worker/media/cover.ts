import { cleanOutputFlags, commonFlags, inputFlags, type ToolSource } from './args-source.ts'
import type { SoundFacts } from './facts.ts'
import { pictureFilters } from './filters.ts'
import type { PosterRequest } from './poster.ts'
import { runTool } from './run.ts'

/** What a poster's request holds, of a source without pictures in motion. */
export interface CoverRequest extends Omit<PosterRequest, 'facts' | 'preferSeconds'> {
  readonly facts: SoundFacts
}

/** Neither side of a cover is longer than this in pixels, as wide as a video's poster. */
const longestSide = 1280

/** Writes the source's own cover as a JPEG; of a source without one, a drawing of its waves. Throws what runTool throws. */
export async function makeCover(request: CoverRequest): Promise<void> {
  const { host, bin, signal, cwd, limits, timeoutMs, logger } = request
  const args = coverArgs(request, request.path)
  await runTool({ what: 'poster', host, bin, args, signal, cwd, limits, timeoutMs, logger })
}

export function coverArgs(request: ToolSource & { facts: SoundFacts }, path: string): string[] {
  return [
    ...commonFlags({ progress: false }),
    ...inputFlags(request),
    '-filter_complex',
    // JPEG means BT.601, full range.
    `${pictureOf(request.facts)},scale=in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=pc,format=yuvj420p[poster]`,
    ...['-map', '[poster]', ...cleanOutputFlags],
    ...['-frames:v', '1', '-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2', '-update', '1', path],
  ]
}

function pictureOf({ cover, audio }: SoundFacts): string {
  if (!cover) {
    const waves = `showwavespic=s=${longestSide}x720:colors=0xd0d0d0`
    return `[0:${audio[0]!.index}]aformat=channel_layouts=mono,${waves},format=yuv420p`
  }
  const { displayWidth, displayHeight } = cover
  const scale = Math.min(1, longestSide / Math.max(displayWidth, displayHeight))
  return `[0:${cover.index}]${pictureFilters(cover, even(displayWidth * scale), even(displayHeight * scale)).join(',')}`
}

function even(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2)
}
