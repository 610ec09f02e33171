import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import type { Plan } from '../chunk/ledger.ts'
import { decodeArgs } from '../media/args-decode.ts'
import { wasKilled } from '../media/diagnose.ts'
import { refused } from '../media/h264.ts'
import { runTool } from '../media/run.ts'
import { type Chunk, framesToSeconds } from '../media/timeline.ts'
import { videoLimits } from '../media/tool-limits.ts'
import type { Measured } from './collect.ts'
import type { EncodeContext } from './encode.ts'
import { writeBeside } from './made-files.ts'

/** Of libgcrypt, which ffmpeg brings along, where a unit or a container does not let memory be locked. */
const notOfPictures = /^Warning: using insecure memory!$/gm

/** What is decoded of a chunk to see that players can: told of each segment, and asked at the end. */
export interface DecodeCheck {
  /** data: what is stored of it, before it is encrypted; without `header` it needs none. */
  look(track: string, segment: Measured, stored: { data: Buffer; header: Buffer | undefined }): Promise<void>
  /** Resolves when nothing runs any more; rejects with output_invalid or copy_refused. */
  finished(): Promise<void>
}

/**
 * The segment of each rendition that is decoded alone, by number: of all renditions in the first chunk, where a wrong
 * setting shows, of one in each later one. All of the pictures would cost a decoder as much as the source does.
 */
export function samplesOf({ ladder }: Pick<Plan, 'ladder'>, chunk: Chunk): ReadonlyMap<string, number> {
  const tracks = chunk.index === 0 ? ladder : [ladder[chunk.index % ladder.length]!]
  return new Map(
    // The last segment may be missing, where the source ends early; others lie all over the chunk.
    tracks.map(({ name }, at) => {
      const among = Math.max(1, chunk.segments - 1)
      return [name, chunk.firstSegment + ((chunk.index * 7 + at * 3) % among)]
    }),
  )
}

/** dir: made when it is needed. The runs go on beside the encoder. */
export function openDecodeCheck(context: EncodeContext, chunk: Chunk, dir: string): DecodeCheck {
  const samples = samplesOf(context.plan, chunk)
  let running: Promise<void> = Promise.resolve()

  return {
    async look(track, segment, { data, header }) {
      if (samples.get(track) !== segment.number) return
      const path = join(dir, `${track}-${segment.number}`)
      await mkdir(dir, { recursive: true })
      await writeBeside(path, header ? Buffer.concat([header, data]) : data)
      running = running.then(() => decodesAlone(context, track, segment, path))
      // Whoever asks at the end hears of it; a chunk that fails before has nobody who does.
      running.catch(() => {})
    },
    finished: () => running,
  }
}

/** The pictures of a segment with its init segment come out, all of them and without a message. */
export async function decodesAlone(
  context: Pick<EncodeContext, 'plan' | 'config' | 'host' | 'logger' | 'signal'>,
  track: string,
  { number, facts }: Pick<Measured, 'number' | 'facts'>,
  path: string,
): Promise<void> {
  const { plan, config, signal, host, logger } = context
  const video = plan.facts.video
  const fault = (what: string) => {
    const message = `${track}/seg-${number} ${what}`
    const copied = plan.ladder.some(({ name, copied }) => name === track && copied)
    return copied ? refused(message) : new WorkerError('output_invalid', message)
  }
  let pictures = 0
  try {
    const { stderrTail } = await runTool({
      ...{ host, what: 'check', bin: config.ffmpeg.bin, cwd: join(path, '..'), signal, logger },
      args: decodeArgs({ path, threads: config.ffmpeg.threads }),
      limits: videoLimits(config.ffmpeg, video!, framesToSeconds(facts.samples, plan.grid.rate)),
      stallMs: config.stall.encodeSeconds * 1000,
      onProgress: ({ frame }) => {
        pictures = frame
      },
    })
    const said = stderrTail.replace(notOfPictures, '').trim()
    if (said !== '') throw fault(`does not decode cleanly: ${said.slice(0, 300)}`)
  } catch (error) {
    const { code, kind, message } = asWorkerError(error)
    // The machine's fault, or somebody stopped it: nothing is known of the pictures.
    const machine = kind === 'released' || code === 'encode_stalled' || code === 'spawn_failed'
    if (signal.aborted || machine || wasKilled(error)) throw error
    throw code === 'output_invalid' || code === 'copy_refused' ? error : fault(`does not decode: ${message}`)
  }
  await rm(path, { force: true })
  if (pictures !== facts.samples)
    throw fault(`gives ${pictures} pictures when it is decoded alone, not ${facts.samples}`)
}
