import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { WorkerError } from '../../shared/errors.ts'
import { evened, evenSoundArgs, evenSoundBytes, type HeardFrom } from '../media/args-even-sound.ts'
import { runTool } from '../media/run.ts'
import type { Sound } from '../media/sounds.ts'
import { audioLimits } from '../media/tool-limits.ts'
import type { EncodeContext } from './encode.ts'

/**
 * Works on a track as the source has it. When that ends because its rate or channels change on the way, it is decoded
 * to an even one on scratch, and the work is done once more with that. file: for it, in the folder that the work runs
 * in, as a tool sees no other; fresh: makes that folder, and leaves nothing of an earlier try there.
 */
export async function orEvened<T>(
  context: EncodeContext,
  sound: Sound,
  { file, fresh }: { readonly file: string; fresh(): Promise<unknown> },
  work: (from: HeardFrom) => Promise<T>,
): Promise<T> {
  const { source, plan, logger } = context
  await fresh()
  try {
    return await work({ url: source.url, facts: plan.facts, sound })
  } catch (error) {
    if (!(error instanceof WorkerError) || error.code !== 'sound_changes') throw error
    logger.info(
      { track: sound.position },
      'the sound changes its rate or channels on the way: it is made even first',
    )
  }
  await fresh()
  try {
    await even(context, sound, file)
    return await work(evened(plan.facts, sound, file))
  } finally {
    await rm(file, { force: true })
  }
}

async function even(context: EncodeContext, sound: Sound, file: string): Promise<void> {
  const { source, plan, config, host, signal, logger } = context
  const { seconds } = plan.facts
  const tool = {
    url: source.url,
    facts: plan.facts,
    threads: config.ffmpeg.threads,
    maxPixels: config.limits.maxPixels,
  }
  try {
    await runTool({
      ...{ host, what: 'audio', bin: config.ffmpeg.bin, cwd: dirname(file), signal, logger },
      args: evenSoundArgs(tool, sound, file),
      limits: { ...audioLimits(config.ffmpeg, seconds), fileBytes: evenSoundBytes(sound, seconds) },
      stallMs: config.stall.encodeSeconds * 1000,
      onProgress: () => {},
    })
  } catch (error) {
    throw source.failure() ?? error
  }
  // A broken connection looks like the end of the file to ffmpeg, which then exits 0.
  const failure = source.failure()
  if (failure) throw failure
}
