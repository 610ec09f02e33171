import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type AudioRequest, loudnessArgs } from '../media/args-audio.ts'
import { findGain, type Gain, parseLoudness } from '../media/loudness.ts'
import { runTool } from '../media/run.ts'
import { audioLimits } from '../media/tool-limits.ts'
import type { EncodeContext } from './encode.ts'
import { readIfMade } from './made-files.ts'

const fileName = 'loudness.txt'

/**
 * The gain for a rendition, where the profile has a target; undefined when it has none, or when there is silence.
 * Decodes the track once or more before its encode: the gain depends on all of it.
 */
export async function chooseGain(
  context: EncodeContext,
  request: AudioRequest,
  onProgress: (seconds: number) => void,
): Promise<Gain | undefined> {
  const { loudness = 'off' } = request.profile
  if (loudness === 'off') return undefined
  const gain = await findGain(loudness, (tried) => measure(context, { ...request, gain: tried }, onProgress))
  context.logger.info({ track: request.sound.position, loudness, ...gain }, 'gain chosen')
  return gain
}

async function measure(context: EncodeContext, request: AudioRequest, onProgress: (seconds: number) => void) {
  const { host, config, signal, source, logger } = context
  const cwd = request.outDir
  await mkdir(cwd, { recursive: true })
  try {
    await runTool({
      ...{ host, what: 'audio', bin: config.ffmpeg.bin, cwd, signal, logger },
      args: loudnessArgs(request, fileName),
      limits: audioLimits(config.ffmpeg, request.seconds),
      stallMs: config.stall.encodeSeconds * 1000,
      onProgress: (update) => onProgress(update.seconds),
    })
  } catch (error) {
    throw source.failure() ?? error
  }
  // A broken connection looks like the end of the file to ffmpeg, which then exits 0.
  const failure = source.failure()
  if (failure) throw failure
  // Nothing is written of what is shorter than the meter's step.
  return parseLoudness((await readIfMade(join(cwd, fileName))).toString())
}
