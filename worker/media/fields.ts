import { cleanOutputFlags, commonFlags, inputFlags, type ToolSource } from './args-source.ts'
import type { FilmFacts, VideoFacts } from './facts.ts'

/** Pictures of one look. */
const looked = 40
/** Parts of the length where a stream is looked at that says it is interlaced: openings are often still. */
const places = [0.1, 0.5, 0.85]
/** Shorter videos are looked at from their start, once. */
const shortSeconds = 12

/** What ffmpeg's idet made of pictures; those without motion tell nothing and are not counted. */
export interface FieldCounts {
  readonly tff: number
  readonly bff: number
  readonly progressive: number
}

/** Decodes some pictures and prints what idet thinks of each. */
export function fieldsArgs(source: ToolSource & { facts: FilmFacts }, at: number): string[] {
  const { index } = source.facts.video
  return [
    ...commonFlags({ progress: false }),
    ...inputFlags(source, at === 0 ? undefined : at),
    ...['-map', `0:${index}`, ...cleanOutputFlags],
    ...['-vf', 'idet,metadata=mode=print:key=lavfi.idet.multiple.current_frame:file=-'],
    ...['-frames:v', String(looked), '-f', 'null', '/dev/null'],
  ]
}

export function countFields(printed: string): FieldCounts {
  const count = (word: string) => printed.split(`current_frame=${word}\n`).length - 1
  return { tff: count('tff'), bff: count('bff'), progressive: count('progressive') }
}

/**
 * What the pictures are, when enough of them move: woven of two fields in one order (idet mistakes fine patterns for
 * either order, so one that leads by little tells nothing), or whole. Undefined: nobody can tell.
 */
export function judgeFields({ tff, bff, progressive }: FieldCounts): 'tff' | 'bff' | 'whole' | undefined {
  const sure = (votes: number) => votes >= looked / 2 && votes >= 0.9 * (tff + bff + progressive)
  if (sure(tff)) return 'tff'
  if (sure(bff)) return 'bff'
  return sure(progressive) ? 'whole' : undefined
}

/** Heights of television, with what codecs add to reach whole blocks. */
const televised = [480, 486, 576, 608, 1080, 1088]
/** Codecs of the time after interlacing. */
const modern = ['hevc', 'vp8', 'vp9', 'av1', 'vvc']

/** Whether pictures that say nothing of fields may still be woven of them: of the size and the rate of television. */
export function maybeWoven({ codec, codedHeight, rotation, variableRate, rate }: VideoFacts): boolean {
  const perSecond = rate.num / rate.den
  const usual = Math.abs(perSecond - 25) < 0.05 || Math.abs(perSecond - 30 / 1.001) < 0.05
  return (
    televised.includes(codedHeight) && usual && !variableRate && rotation === 0 && !modern.includes(codec)
  )
}

/**
 * Checks what a stream says of its fields against its pictures: one that is whole is not deinterlaced, which would
 * soften it, and one that is woven is, whatever it says. look: counts at a place, in seconds; undefined when it could
 * not look there. Most videos are not looked at at all, and what nobody can tell stays as it was said.
 */
export async function checkFields(
  facts: FilmFacts,
  look: (at: number) => Promise<FieldCounts | undefined>,
): Promise<FilmFacts> {
  const { video, seconds, seek } = facts
  const said = video.interlaced !== 'no'
  if (!said && !maybeWoven(video)) return facts
  const all = seek.mode === 'none' || seconds < shortSeconds ? [0] : places.map((part) => part * seconds)
  const sum = { tff: 0, bff: 0, progressive: 0 }
  for (const at of all) {
    const found = await look(at)
    if (found) for (const key of ['tff', 'bff', 'progressive'] as const) sum[key] += found[key]
    const verdict = judgeFields(sum)
    // One look is enough for a video that looks like what it says.
    if (!said && verdict !== 'tff' && verdict !== 'bff') return facts
  }
  const verdict = judgeFields(sum)
  if (verdict === undefined) return facts
  if (verdict === 'whole') return said ? changed(facts, { interlaced: 'no', falselyMarked: true }) : facts
  // Pictures that are marked one by one have their own word for the order.
  return video.interlaced === 'marked' ? facts : changed(facts, { interlaced: 'all', fieldOrder: verdict })
}

function changed(facts: FilmFacts, video: Partial<VideoFacts>): FilmFacts {
  const warning = video.falselyMarked
    ? 'marked as interlaced, but its pictures are whole'
    : `pictures are woven of two fields (${video.fieldOrder})`
  return { ...facts, video: { ...facts.video, ...video }, warnings: [...facts.warnings, warning] }
}
