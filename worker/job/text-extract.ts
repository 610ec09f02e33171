import { asWorkerError, type ErrorCode, WorkerError } from '../../shared/errors.ts'
import { deadline, every } from '../../shared/time.ts'
import { textArgs } from '../media/args-text.ts'
import type { SubtitleFacts } from '../media/facts.ts'
import { runTool } from '../media/run.ts'
import { audioLimits } from '../media/tool-limits.ts'
import type { EncodeContext } from './encode.ts'

/** Of each file that ffmpeg writes: our parser holds one of them in memory. */
const mostFileBytes = 8 * 2 ** 20
/** How often it is looked whether ffmpeg still reads. */
const lookMs = 1000

/** What is no fault of the subtitles: the job ends with it, and comes again. */
const notTheirs: readonly ErrorCode[] = ['spawn_failed', 'scratch_full']

/**
 * Writes the text of the tracks to files, in one run. When that fails each track is tried alone, so that one broken
 * track takes no other along. Resolves to why tracks could not be read, by their index.
 */
export async function extractText(
  context: EncodeContext,
  tracks: readonly SubtitleFacts[],
  outDir: string,
): Promise<Map<number, string>> {
  const failures = new Map<number, string>()
  if (tracks.length === 0) return failures
  const together = await tryRun(context, tracks, outDir)
  if (together === undefined) return failures
  context.logger.warn({ reason: together }, 'subtitles are read track by track')
  for (const track of tracks) {
    const alone = await tryRun(context, [track], outDir)
    if (alone !== undefined) failures.set(track.index, alone)
  }
  return failures
}

/** Why it failed, when that is the fault of the tracks. */
async function tryRun(
  context: EncodeContext,
  tracks: readonly SubtitleFacts[],
  outDir: string,
): Promise<string | undefined> {
  const { config, plan, signal, source } = context
  const stallMs = config.stall.encodeSeconds * 1000
  using silence = deadline(stallMs, signal, () => {
    return new WorkerError('encode_stalled', `the text run read nothing for ${stallMs / 1000} s`)
  })
  // Between two lines there may be an hour: that ffmpeg reads is all that tells that it gets on.
  let served = -1
  const watch = every(lookMs, () => {
    const { servedBytes } = source.stats()
    if (servedBytes !== served) silence.restart()
    served = servedBytes
  })
  try {
    await runTool({
      ...{ host: context.host, what: 'text', bin: config.ffmpeg.bin, cwd: outDir, logger: context.logger },
      args: textArgs({
        ...{ url: source.url, facts: plan.facts, threads: config.ffmpeg.threads },
        ...{ maxPixels: config.limits.maxPixels, tracks, outDir },
      }),
      signal: silence.signal,
      limits: { ...audioLimits(config.ffmpeg, plan.facts.seconds), fileBytes: mostFileBytes },
    })
  } catch (error) {
    const { code, message } = asWorkerError(error)
    if (signal.aborted || source.failure() || notTheirs.includes(code)) throw source.failure() ?? error
    return message
  } finally {
    watch.stop()
  }
  // A broken connection looks like the end of the file to ffmpeg, which then exits 0.
  const failure = source.failure()
  if (failure) throw failure
  return undefined
}
