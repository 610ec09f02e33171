import type { Config } from '../../shared/config.ts'
import { audioManifestKey, chunkKey, textManifestKey } from '../../shared/keys.ts'
import type { Part } from '../../shared/messages.ts'
import { soundRenditions } from './layout.ts'
import type { Plan } from './ledger.ts'
import { hasText } from './text-ledger.ts'

/** Every part of a job: the chunks in order, then each audio rendition, then all subtitles as one. Pure. */
export function partsOf(plan: Plan): Part[] {
  return [
    ...plan.grid.chunks.map(({ index }): Part => ({ type: 'chunk', index })),
    ...soundRenditions(plan).map((_, index): Part => ({ type: 'audio', index })),
    ...(hasText(plan) ? [{ type: 'text', index: 0 } as const] : []),
  ]
}

/** The parts whose manifest is not in the bucket. present: sizes by name in the job's folder. */
export function missingParts(plan: Plan, present: ReadonlyMap<string, number>): Part[] {
  return partsOf(plan).filter((part) => !present.has(manifestName(part, plan)))
}

/** Whether a job's parts go to the whole fleet: with `auto` when it has more than FANOUT_MIN_CHUNKS chunks. */
export function isShared(plan: Plan, { fanout, fanoutMinChunks }: Config['hls']): boolean {
  if (fanout === 'auto') return plan.grid.chunks.length > fanoutMinChunks
  return fanout === 'always'
}

export function partName({ type, index }: Part): string {
  return `${type}-${index}`
}

function manifestName({ type, index }: Part, { series }: Plan): string {
  if (type === 'text') return textManifestKey('', series)
  return type === 'chunk' ? chunkKey('', index, series) : audioManifestKey('', index, series)
}
