/**
 * Stands in for worker/job/encode.ts: an encode takes its time, speaks of its progress, hears its signal, and stores
 * invented segments while it goes on. What it stores, and the record behind it, goes through the real uploader and ledger.
 */
import { createHash } from 'node:crypto'
import { withSignal } from '../../../shared/abort.ts'
import { WorkerError } from '../../../shared/errors.ts'
import { sleep } from '../../../shared/time.ts'
import { audioFolder, type TrackPart } from '../../../worker/chunk/ledger.ts'
import type * as Real from '../../../worker/job/encode.ts'
import { framesToSeconds, segmentStart } from '../../../worker/media/timeline.ts'
import { planName, readFilm, writePiece } from '../film.ts'
import { here } from '../machine.ts'

/** Time between two reports of progress, in milliseconds. */
const reportMs = 2_000

export const encodeChunk: typeof Real.encodeChunk = async (context, chunk, onProgress) => {
  const { plan, ledger, signal } = context
  const { rate, totalFrames } = plan.grid
  const lengths = Array.from({ length: chunk.segments }, (_, at) => {
    const from = segmentStart(plan.grid, chunk.firstSegment + at)
    const to = Math.min(segmentStart(plan.grid, chunk.firstSegment + at + 1), totalFrames)
    return framesToSeconds(to - from, rate)
  })
  const seconds = await work(context, chunk.frames / (rate.num / rate.den), (done, speed) =>
    onProgress({ frame: Math.round(done * chunk.frames), seconds: 0, speed, done: done === 1 }),
  )
  const names = plan.ladder.map(({ name }) => name)
  const made = names.map((name) => store(context, name, chunk.firstSegment, lengths))
  const stored = withSignal(Promise.all(made.map((track) => track.stored)), signal).then(() => {
    const tracks = Object.fromEntries(made.map(({ part }, at) => [names[at]!, part]))
    return ledger.writeChunk(plan, { index: chunk.index, tracks, sheets: [], encodeSeconds: seconds }, signal)
  })
  return { stored, ended: false, seconds }
}

export const encodeAudio: typeof Real.encodeAudio = async (context, _sound, index, onProgress) => {
  const { plan, signal } = context
  const folder = audioFolder(index)
  // Sound is a tenth of the work of its pictures.
  const encodeSeconds = await work(context, plan.facts.seconds / 10, onProgress)
  const perSegment = framesToSeconds(plan.grid.segmentFrames, plan.grid.rate)
  const count = Math.ceil(plan.facts.seconds / perSegment - 1e-6)
  const lengths = Array.from({ length: count }, (_, at) =>
    Math.min(perSegment, plan.facts.seconds - at * perSegment),
  )
  const { part, stored } = store(context, folder, 0, lengths)
  await withSignal(stored, signal)
  return context.ledger.writeAudio(plan, { index, track: part, encodeSeconds }, signal)
}

/** Takes the time of an encode; resolves to its seconds. */
async function work(
  context: Real.EncodeContext,
  mediaSeconds: number,
  onProgress: (done: number, speed: number) => void,
): Promise<number> {
  const { plan, source, signal, config } = context
  const machine = here()
  const { world } = machine
  const film = readFilm(await source.read(0, plan.source.bytes - 1))
  const speed = world.between(3, 12) * world.encoderSpeed
  const seconds = mediaSeconds / speed
  const fate = world.encoderFate(film.cursed === true)
  const failsAt = fate === undefined ? Number.POSITIVE_INFINITY : world.between(0, seconds * 1000)
  const forget = context.onEncoder({ pid: 0, pause() {}, resume() {} })
  try {
    for (let ms = 0; ms < seconds * 1000; ) {
      const step = Math.min(reportMs, seconds * 1000 - ms)
      await sleep(step, { signal })
      ms += step
      if (ms > failsAt) await fail(fate!, config.stall.encodeSeconds, signal)
      onProgress(Math.min(1, ms / (seconds * 1000)), speed)
    }
  } finally {
    forget()
  }
  const failure = source.failure()
  if (failure) throw failure
  return seconds
}

async function fail(fate: 'fails' | 'hangs', stallSeconds: number, signal: AbortSignal): Promise<never> {
  if (fate === 'fails') throw new WorkerError('encode_failed', 'the invented encoder failed')
  await sleep(stallSeconds * 1000, { signal })
  throw new WorkerError('encode_stalled', 'the invented encoder hung')
}

/** Stores the segments of a track that begin with number `first`, of so many seconds each. */
function store(
  { plan, folder, uploader }: Real.EncodeContext,
  track: string,
  first: number,
  lengths: readonly number[],
): { part: TrackPart; stored: Promise<unknown> } {
  const piece = { job: plan.jobId, plan: planName(plan), track }
  const sound = track.startsWith('audio')
  const initBody = writePiece({ ...piece, part: 'init' })
  const put = (name: string, body: Buffer) => uploader.addBuffer({ body, key: `${folder}${track}/${name}` })
  const initUri = `${plan.series}init.mp4`
  const uploads: Promise<unknown>[] = [put(initUri, initBody)]
  const segments = lengths.map((seconds, at) => {
    const number = first + at
    const uri = `${plan.series}seg-${String(number).padStart(5, '0')}.m4s`
    const body = writePiece({ ...piece, part: number })
    uploads.push(put(uri, body))
    return { number, uri, seconds, bytes: body.length, keyframe: { offset: 0, length: 40 } }
  })
  const { width = 0, height = 0 } = plan.ladder.find(({ name }) => name === track) ?? {}
  const init = {
    ...{ codec: sound ? 'mp4a.40.2' : 'avc1.64001f', timescale: 48_000, width, height },
    ...{ sampleRate: sound ? 48_000 : 0, channels: sound ? 2 : 0, uri: initUri },
    ...{ bytes: initBody.length, md5: createHash('md5').update(initBody).digest('hex') },
  }
  const stored = Promise.all(uploads)
  // A failure is the caller's to hear; until he asks it is no unhandled rejection.
  stored.catch(() => {})
  return { part: { init, segments }, stored }
}
