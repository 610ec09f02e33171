import type { VideoChunkRequest } from './args-video.ts'
import { clockFilters, downscale, gridFilters, pictureFilters } from './filters.ts'
import type { Rendition } from './ladder.ts'
import { type StoryboardPlan, smallestRendition, storyboardFilters } from './storyboard.ts'
import type { Chunk, Grid } from './timeline.ts'

/** A size that pictures are scaled to, at one rate, and the labels of those that take them. */
interface Step extends Pick<Rendition, 'width' | 'height' | 'everyNth'> {
  readonly takers: string[]
}

/**
 * From the decoder to every encoder (`[out0]`, by place in the ladder) and the storyboard (`[board]`): each size is
 * made once, from the next larger one, whatever codecs want it.
 */
export function filterGraph(request: VideoChunkRequest, storyboard: StoryboardPlan): string {
  const { facts, grid, chunk, ladder } = request
  const steps = stepsOf(ladder)
  const largest = steps[0]!
  const input = [
    ...clockFilters(facts),
    ...gridFilters(grid.rate, chunk.firstFrame, frameLimit(chunk, grid)),
    ...thin(1, largest.everyNth),
    ...pictureFilters(facts.video, largest.width, largest.height),
  ]
  const chains = [`[0:${facts.video.index}]${input.join(',')}[size0]`]
  steps.forEach((step, at) => {
    const below = steps[at + 1]
    const takers = [...step.takers, ...(below ? [`from${at}`] : [])]
    const labels = takers.map((label) => `[${label}]`).join('')
    chains.push(`[size${at}]${takers.length > 1 ? `split=${takers.length}` : 'null'}${labels}`)
    if (!below) return
    const scale = [
      ...thin(step.everyNth, below.everyNth),
      downscale(below.width, below.height),
      // Even sizes bend the shape by a hair; scale would note that as pixels that are not square.
      'setsar=1',
    ]
    chains.push(`[from${at}]${scale.join(',')}[size${at + 1}]`)
  })
  chains.push(`[small]${storyboardFilters(storyboard).join(',')}[board]`)
  return chains.join(';')
}

/** Largest first. Copied pictures are not scaled, but for the storyboard where nothing smaller is encoded. */
function stepsOf(ladder: readonly Rendition[]): Step[] {
  const smallest = smallestRendition(ladder)
  const steps: Step[] = []
  ladder.forEach((rendition, rung) => {
    const { width, height, everyNth, codec } = rendition
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
 * end: a forged file may hold any number of hours behind its last honest packet.
 */
function frameLimit(chunk: Chunk, grid: Grid): number {
  if (!chunk.last) return chunk.frames
  const tenMinutes = Math.ceil((600 * grid.rate.num) / grid.rate.den)
  return chunk.frames * 2 + tenMinutes
}
