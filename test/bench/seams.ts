/**
 * A video encoded in chunks against the same encoded in one go, by one worker: the same pictures at the same times,
 * as like the source, in as many bytes, and nothing to be seen or heard where two chunks meet. The encoder's rate
 * control begins anew with each chunk: that is what would show. About eight minutes.
 */
import { join } from 'node:path'
import type { Fleet } from '../fleet/harness.ts'
import { keepOutput } from '../local/summary.ts'
import { atLeast, atMost, type BenchInput, between, type Figures, sum, toldOnly } from './figures.ts'
import { soundGap, soundHash } from './pictures.ts'
import { beside, compareRung, type Rung } from './rungs.ts'
import { makeSource } from './sources.ts'
import { alone, startWorkers, timeJob, withFleet } from './timed.ts'

const sizes = {
  // Chunks as long as production's: what begins anew with a chunk counts once in two minutes.
  full: { seconds: 480, height: 540, chunkSeconds: 120 },
  small: { seconds: 20, height: 360, chunkSeconds: 6 },
}
/** Of every source here, in pictures a second. */
const rate = 30

export async function measureSeams(input: BenchInput): Promise<Figures> {
  const { env, folder, say, signal, small } = input
  const { seconds, height, chunkSeconds } = small ? sizes.small : sizes.full
  const source = await makeSource({ seconds, height }, { env, signal })
  return withFleet(signal, async (fleet) => {
    const cut = await make(fleet, source, { chunkSeconds, videoId: 1, folder: join(folder, 'cut') }, signal)
    const whole = await make(
      fleet,
      source,
      { chunkSeconds: 86_400, videoId: 2, folder: join(folder, 'whole') },
      signal,
    )
    const seams = Array.from(
      { length: Math.ceil(seconds / chunkSeconds) - 1 },
      (_, index) => (index + 1) * chunkSeconds * rate,
    )
    const rungs: Rung[] = []
    for (const [index, rendition] of cut.renditions.entries()) {
      const pair = [cut, whole].map((made) => join(made.folder, rendition.name, 'index.m3u8')) as [
        string,
        string,
      ]
      const rung = await compareRung(pair, source, rendition, seams, signal)
      const bytesRatio = rendition.bytes / whole.renditions[index]!.bytes
      rungs.push({ ...rung, bytesRatio })
      say(`${rendition.name}: ${JSON.stringify(rungs.at(-1))}`)
    }
    const sound = (made: Made) => join(made.folder, 'audio-0/index.m3u8')
    const sameSound = (await soundHash(sound(cut), signal)) === (await soundHash(sound(whole), signal))
    const worst = (values: number[]) => Math.max(...values)
    return {
      seams_frames_off: atMost(
        sum(rungs.map((rung) => rung.framesOff)),
        0,
        'pictures missing, more, or at another time',
      ),
      seams_likeness_off: atMost(
        worst(rungs.map((rung) => rung.likenessOff)),
        0.001,
        'SSIM, worst rendition',
      ),
      seams_bytes_least: between(
        Math.min(...rungs.map((rung) => rung.bytesRatio)),
        0.98,
        1.02,
        'ratio, rendition with the least',
      ),
      seams_bytes_most: between(
        worst(rungs.map((rung) => rung.bytesRatio)),
        0.98,
        1.02,
        'ratio, rendition with the most',
      ),
      seams_worst_picture: atMost(
        worst(rungs.map((rung) => rung.worstDrop)),
        0.02,
        `SSIM below the same picture in one go, worst within ${beside} of a seam`,
      ),
      seams_worst_below_average: toldOnly(
        worst(rungs.map((rung) => rung.worstBelow)),
        'SSIM below the clip’s average, worst there',
      ),
      seams_same_sound: atLeast(sameSound ? 1 : 0, 1, '1: every decoded sample is the same'),
      seams_sound_gap: atMost(await soundGap(sound(cut), signal), 0, 'samples between two packets'),
    }
  })
}

interface Made {
  readonly folder: string
  readonly renditions: readonly Rendition[]
}

interface Rendition {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly bytes: number
}

async function make(
  fleet: Fleet,
  file: string,
  { chunkSeconds, videoId, folder }: { chunkSeconds: number; videoId: number; folder: string },
  signal: AbortSignal,
): Promise<Made> {
  const settings = { ...alone, CHUNK_SECONDS: String(chunkSeconds) }
  const workers = await startWorkers(fleet, [`by-${chunkSeconds}`], settings)
  const job = await timeJob(fleet, workers, { file, videoId }, signal)
  await fleet.stopWorkers()
  await keepOutput(fleet.stack.storage, `${job.folder}master.m3u8`, folder, signal)
  return { folder, renditions: job.body.renditions as Rendition[] }
}
