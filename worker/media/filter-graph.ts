import type { VideoChunkRequest } from './args-video.ts'
import type { VideoFacts } from './facts.ts'
import { aloneFilters, clockFilters, downscale, gridFilters, hdrFilters, pictureFilters } from './filters.ts'
import type { Rendition } from './ladder.ts'
import { type StoryboardPlan, smallestRendition, storyboardFilters } from './storyboard.ts'
import type { Chunk, Grid } from './timeline.ts'

/** A size that pictures are scaled to, at one rate, and the labels of those that take them. */
interface Step extends Pick<Rendition, 'width' | 'height' | 'everyNth'> {
  readonly takers: string[]
}

/**
 * From the decoder to every encoder (`[out0]`, by place in the ladder) and the storyboard (`[board]`): each size is
 * made once, from the next larger one, whatever codecs want it. Pictures that stay HDR are scaled beside the others.
 */
export function filterGraph(request: VideoChunkRequest, storyboard: StoryboardPlan): string {
  const { facts, grid, chunk, ladder } = request
  const [plain, hdr] = [stepsOf(ladder, false), stepsOf(ladder, true)]
  const clock = [
    ...clockFilters(facts),
    ...gridFilters(grid.rate, chunk.firstFrame, frameLimit(chunk, grid, facts.video)),
    ...aloneFilters(facts.video),
  ].join(',')
  const input = `[0:${facts.video.index}]${clock}`
  const board = `[small]${storyboardFilters(storyboard).join(',')}[board]`
  const first = (step: Step, filters: typeof pictureFilters) =>
    [...thin(1, step.everyNth), ...filters(facts.video, step.width, step.height)].join(',')
  const plainFirst = first(plain[0]!, pictureFilters)
  if (hdr.length === 0)
    return [`${input},${plainFirst}[size0]`, ...scaleDown(plain, 'size', 'from'), board].join(';')
  return [
    `${input},split=2[sdr][hdr]`,
    `[sdr]${plainFirst}[size0]`,
    ...scaleDown(plain, 'size', 'from'),
    `[hdr]${first(hdr[0]!, hdrFilters)}[hdr0]`,
    ...scaleDown(hdr, 'hdr', 'below'),
    board,
  ].join(';')
}

/** From `[size0]` to all who take a size; `from`: labels on the way to the next one. */
function scaleDown(steps: readonly Step[], size: string, from: string): string[] {
  return steps.flatMap((step, at) => {
    const below = steps[at + 1]
    const takers = [...step.takers, ...(below ? [`${from}${at}`] : [])]
    const labels = takers.map((label) => `[${label}]`).join('')
    const shared = `[${size}${at}]${takers.length > 1 ? `split=${takers.length}` : 'null'}${labels}`
    if (!below) return [shared]
    const scale = [
      ...thin(step.everyNth, below.everyNth),
      downscale(below.width, below.height),
      // Even sizes bend the shape by a hair; scale would note that as pixels that are not square.
      'setsar=1',
    ]
    return [shared, `[${from}${at}]${scale.join(',')}[${size}${at + 1}]`]
  })
}

/** Largest first. Copied pictures are not scaled, but for the storyboard where nothing smaller is encoded. */
function stepsOf(ladder: readonly Rendition[], hdr: boolean): Step[] {
  const smallest = smallestRendition(ladder)
  const steps: Step[] = []
  ladder.forEach((rendition, rung) => {
    const { width, height, everyNth, codec, range } = rendition
    if ((range !== undefined) !== hdr) return
    const takers = [...(rendition.copied ? [] : [`out${rung}`]), ...(rendition === smallest ? ['small'] : [])]
    // Renditions of H.264 may be of one size (`academy`), and are each a step of their own all the same.
    const same = codec && steps.find((step) => fits(step, rendition))
    if (same) same.takers.push(...takers)
    else if (takers.length > 0) steps.push({ width, height, everyNth, takers })
  })
  return steps.sort((a, b) => a.everyNth - b.everyNth || b.width * b.height - a.width * a.height)
}

function fits(step: Step, { width, height, everyNth }: Rendition): boolean {
  return step.width === width && step.height === height && step.everyNth === everyNth
}

/** Every other picture for the low rungs: thrown away before it is scaled. */
function thin(above: number, below: number): string[] {
  return below === above ? [] : [`framestep=${below / above}`]
}

/**
 * A chunk has exactly its frames. The last one is open, since lengths in headers are estimates, but not without
 * end: a forged file may hold any number of hours behind its last honest packet. Pictures
 * that come out late take the clock with them: every packet was listed to find them, so the length is no estimate.
 */
function frameLimit(chunk: Chunk, grid: Grid, { late }: VideoFacts): number {
  if (!chunk.last || late) return chunk.frames
  const tenMinutes = Math.ceil((600 * grid.rate.num) / grid.rate.den)
  return chunk.frames * 2 + tenMinutes
}
