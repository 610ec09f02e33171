import { asWorkerError, type ErrorCode } from '../../shared/errors.ts'
import type { Logger } from '../../shared/logger.ts'
import { deadline } from '../../shared/time.ts'
import { isMuxed } from '../chunk/layout.ts'
import { copySeries, isCopy, type Ledger, type Plan } from '../chunk/ledger.ts'
import { passthroughObjection, planPassthrough } from '../chunk/passthrough.ts'
import type { FilmFacts } from '../media/facts.ts'
import { readSampleIndex } from '../media/mp4-index.ts'
import type { OpenVideo } from './opening.ts'
import type { SourceHandle } from './source.ts'

/** An index of twelve hours at 60 pictures a second has about this many bytes. */
const longestIndex = 64 * 2 ** 20
/** What one read of the source may ask for. */
const mostAtOnce = 8 * 2 ** 20
/** Boxes at the top of a file: a handful, and many more in fragmented ones, which have no index. */
const mostBoxes = 32

type Cut = Pick<Plan, 'ladder' | 'grid' | 'series'>

/**
 * The plan with the source's own pictures as its top rendition, where they conform (PASSTHROUGH=auto, or the
 * profile's own word); else the plan as it is, with the reason in the log. refusal: what an earlier attempt found.
 */
export async function withCopy(
  plan: Omit<Plan, 'version'>,
  { source, object, context }: Pick<OpenVideo, 'source' | 'object' | 'context'>,
  refusal: string | undefined,
): Promise<Omit<Plan, 'version'>> {
  const { config, logger } = context
  const { facts, ladder } = plan
  if (!facts.video || isMuxed(plan)) return plan
  if ((plan.profile.passthrough ?? config.hls.passthrough) === 'never') return plan
  const cut =
    refusal ??
    passthroughObjection({ facts, ladder }) ??
    (await copyOf({ ...plan, facts }, source, object.bytes))
  if (typeof cut === 'string') {
    logger.info({ reason: cut }, 'the pictures of the source are encoded, not copied')
    return plan
  }
  logger.info({ segments: cut.grid.cuts!.segments.length }, 'the pictures of the source are copied')
  return { ...plan, ...cut }
}

async function copyOf(
  plan: Omit<Plan, 'version'> & { facts: FilmFacts },
  source: SourceHandle,
  bytes: number,
): Promise<Cut | string> {
  const moov = await readIndex(source, bytes)
  if (typeof moov === 'string') return moov
  // A second more than was seen: what has more pictures than that is not what was probed.
  const most = Math.ceil(((plan.facts.seconds + 1) * plan.grid.rate.num) / plan.grid.rate.den)
  const index = readSampleIndex(moov, plan.facts.video.index, most)
  if (!index) return 'its index cannot be read, or holds other pictures than were seen'
  const grid = planPassthrough({ facts: plan.facts, ladder: plan.ladder, grid: plan.grid, index })
  if (typeof grid === 'string') return grid
  const ladder = plan.ladder.map((rendition, rung) =>
    rung === 0 ? { ...rendition, copied: true } : rendition,
  )
  return { ladder, grid, series: copySeries }
}

/** What went wrong here may be the fault of the copied pictures: the next attempt does without. */
const speaksAgainst: readonly ErrorCode[] = ['copy_refused', 'output_invalid', 'encode_failed']

/** Last words of an attempt whose signal is aborted by now. */
const lastWordsMs = 30_000

/**
 * Runs a step of a plan that may copy. When it fails as copied pictures make it fail, the ledger is told, and the
 * next attempt plans an encode: nobody but the log hears of it.
 */
export async function orRefuseCopy<T>(
  plan: Plan,
  ledger: Ledger,
  logger: Logger,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step()
  } catch (error) {
    const { code, message } = asWorkerError(error)
    if (isCopy(plan) && speaksAgainst.includes(code)) {
      using limit = deadline(lastWordsMs, new AbortController().signal, () => asWorkerError(error))
      await ledger.refuseCopy(message, limit.signal).catch((failure: unknown) => {
        logger.warn({ err: failure }, 'the ledger could not be told that copying failed')
      })
    }
    throw error
  }
}

/** The moov box of a file, wherever it stands; a sentence when there is none that is worth reading. */
async function readIndex(source: SourceHandle, bytes: number): Promise<Buffer | string> {
  let at = 0
  for (let box = 0; box < mostBoxes && at + 16 <= bytes; box++) {
    const head = await source.read(at, at + 15)
    const short = head.readUInt32BE(0)
    const size = short === 1 ? Number(head.readBigUInt64BE(8)) : short === 0 ? bytes - at : short
    if (head.toString('latin1', 4, 8) === 'moov') {
      if (size > longestIndex) return `its index has ${size} bytes`
      return readWhole(source, at, Math.min(bytes, at + size))
    }
    if (size < 8) break
    at += size
  }
  return 'it has no index'
}

async function readWhole(source: SourceHandle, start: number, end: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let at = start; at < end; at += mostAtOnce)
    pieces.push(await source.read(at, Math.min(end, at + mostAtOnce) - 1))
  return Buffer.concat(pieces)
}
