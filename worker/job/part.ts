import { WorkerError } from '../../shared/errors.ts'
import type { JobRecords } from '../../shared/jobs.ts'
import { refusalKey } from '../../shared/keys.ts'
import type { Part, PartMessage } from '../../shared/messages.ts'
import { soundRenditions } from '../chunk/layout.ts'
import { openLedger, type Plan } from '../chunk/ledger.ts'
import { missingParts, partName } from '../chunk/parts.ts'
import { textTracksOf } from '../chunk/text-ledger.ts'
import { orRefuseCopy } from './copy-plan.ts'
import { type EncodeContext, encodeAudio, encodeChunk } from './encode.ts'
import { createFanOut, type FanOutPorts, partIdentity } from './fan-out.ts'
import { withVideo } from './opening.ts'
import { makeText } from './text.ts'
import type { VideoPorts, VideoSpec } from './video.ts'
import { encodeContext } from './walk.ts'
import type { RunContext, VideoWork, Work } from './work.ts'

export interface PartPorts extends VideoPorts, FanOutPorts {
  readonly records: JobRecords
  /** Unique to this process: claims the parent when a part ends it. */
  readonly owner: string
}

/**
 * What became of a part: encoded now, found in the bucket, no longer wanted since its job has ended, or of a plan that
 * somebody found to be wrong.
 */
type PartResult = 'encoded' | 'found' | 'moot' | 'replan'

/** One chunk or audio track, or the subtitles, of a shared job. Whoever stores the last one asks for the join. */
export function partWork(message: PartMessage, parent: VideoWork, ports: PartPorts): Work<PartResult> {
  const { storage, records, owner } = ports
  const { part } = message
  const name = partName(part)
  const identity = partIdentity(parent, part)
  /** Of the plan that this part was encoded by. */
  let planned: Plan['series'] | undefined

  return {
    kind: 'part',
    identity,
    labels: { ...parent.labels, part: name },
    async run(run) {
      const state = await records.state(parent.identity).catch(() => undefined)
      if (state === 'done' || state === 'dead' || state === 'cancelled') return 'moot'
      const spec = await parent.spec(run.signal)
      const ledger = openLedger(storage, spec.folder)
      const plan = await ledger.readPlan(run.signal)
      // Cancelled and cleared, or published: nobody waits for this part.
      if (!plan) return 'moot'
      const stored = await ledger.manifests(run.signal)
      // Of this very plan: a part of the one before may refuse when the next is stored already.
      if (plan.series === 'copy-' && stored.has(refusalKey(''))) return 'replan'
      const missing = missingParts(plan, stored)
      if (missing.every((other) => partName(other) !== name)) return 'found'
      planned = plan.series
      await orRefuseCopy(plan, ledger, run.logger, () => encodePart(spec, plan, message, ports, run))
      return 'encoded'
    },
    async complete(result, signal) {
      if (result === 'moot') return 'accepted'
      const spec = await parent.spec(signal)
      const ledger = openLedger(storage, spec.folder)
      const plan = await ledger.readPlan(signal)
      if (!plan) {
        // Published meanwhile, or deleted: then what this part stored since is nobody's.
        const gone = new WorkerError('video_deleted', 'the plan of the job is gone')
        if (!(await parent.isPublished?.(signal))) await parent.removeOutput(gone, signal)
        return 'accepted'
      }
      // The join is the parent once more: it plans anew, or sends what was encoded by a plan of before.
      const outdated = result === 'replan' || (planned !== undefined && planned !== plan.series)
      if (outdated || missingParts(plan, await ledger.manifests(signal)).length === 0)
        await createFanOut(parent, ports).join(signal)
      return 'accepted'
    },
    // The parent hears of it in giveUp, once, however many parts end at the same time.
    fail: async () => 'accepted',
    async removeOutput(error, signal) {
      // A part that was sent twice may fail behind a job that is published.
      if ((await records.state(parent.identity)) !== 'done') await parent.removeOutput(error, signal)
    },
    async giveUp(state, error, signal) {
      const claim = await records.claim(parent.identity, {
        ...{ owner: `${owner}:${message.jobId}`, leaseMs: 60_000, messageId: message.jobId, counted: false },
      })
      if (claim.verdict !== 'yours') return
      await parent.fail(error, signal)
      await records.finish(parent.identity, claim.token, { state, status: parent.status({ state, error }) })
      await parent.ended?.()
    },
    tidy: async () => {},
    status: () => ({}),
  }
}

/**
 * The part of the source that a part of the job may need on scratch: sound and text run through the whole file, a chunk
 * through its own time and as much again for a badly interleaved one.
 */
function shareOf(plan: Plan, { type, index }: Part): number {
  const { grid } = plan
  if (type === 'audio') return 1
  if (type === 'text') return textTracksOf(plan).length > 0 ? 1 : 0
  return Math.min(1, (2 * grid.chunks[index]!.frames) / grid.totalFrames)
}

async function encodePart(
  spec: VideoSpec,
  plan: Plan,
  { part }: PartMessage,
  ports: VideoPorts,
  run: RunContext,
): Promise<void> {
  const name = partName(part)
  await withVideo(
    spec,
    ports,
    run,
    async (opened) => {
      const encoding = encodeContext(opened, spec, plan)
      const { totalFrames } = plan.grid
      if (part.type === 'audio') {
        await encodeSound(encoding, part.index, name, run)
      } else if (part.type === 'text') {
        await makeText(encoding, opened.context.storage)
      } else {
        const chunk = plan.grid.chunks[part.index]!
        const perFrame = plan.grid.rate.num / plan.grid.rate.den
        const encoded = await encodeChunk(encoding, chunk, ({ frame, speed }) => {
          const perSecond = speed * perFrame
          const secondsLeft =
            perSecond > 0 && frame > perFrame ? (chunk.frames - frame) / perSecond : undefined
          run.reporter.share({ name, frames: frame, speed: perSecond, totalFrames, secondsLeft })
        })
        await encoded.stored
        run.reporter.share({ name, frames: chunk.frames, speed: 0, totalFrames, done: true })
      }
      const { fetchedBytes } = opened.source.stats()
      run.logger.info({ fetchedBytes, sourceBytes: opened.object.bytes }, 'part encoded')
    },
    { name: `${spec.jobId}-${name}`, share: shareOf(plan, part) },
  )
}

/** Without pictures the bar is moved by the sounds, each for its share of all of them. */
async function encodeSound(
  encoding: EncodeContext,
  index: number,
  name: string,
  { reporter }: RunContext,
): Promise<void> {
  const { plan } = encoding
  const sounds = soundRenditions(plan)
  const totalFrames = plan.grid.totalFrames * sounds.length
  const share = (fraction: number, done = false) => {
    const frames = Math.round(fraction * plan.grid.totalFrames)
    if (!plan.facts.video) reporter.share({ name, frames, speed: 0, totalFrames, done })
  }
  await encodeAudio(encoding, sounds[index]!, index, share)
  share(1, true)
}
