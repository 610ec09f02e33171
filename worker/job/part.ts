import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import type { JobRecords } from '../../shared/jobs.ts'
import { refusalKey } from '../../shared/keys.ts'
import type { Part, PartMessage } from '../../shared/messages.ts'
import { every } from '../../shared/time.ts'
import { soundRenditions } from '../chunk/layout.ts'
import { isCopy, openLedger, type Plan } from '../chunk/ledger.ts'
import { missingParts, partName } from '../chunk/parts.ts'
import { textTracksOf } from '../chunk/text-ledger.ts'
import { orRefuseCopy } from './copy-plan.ts'
import { type EncodeContext, encodeAudio, encodeChunk } from './encode.ts'
import { createFanOut, type FanOutPorts, partIdentity } from './fan-out.ts'
import { withVideo } from './opening.ts'
import { keyChanged, openSeal } from './seal.ts'
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

/** For how long a part has its job at a time while it ends it, in milliseconds. */
const parentLeaseMs = 60_000

/** One chunk or audio track, or the subtitles, of a shared job. Whoever stores the last one asks for the join. */
export function partWork(message: PartMessage, parent: VideoWork, ports: PartPorts): Work<PartResult> {
  const { storage, records, owner } = ports
  const { part } = message
  const name = partName(part)
  const identity = partIdentity(parent, part)
  /** Of the plan that this part was encoded by. */
  let planned: Plan['series'] | undefined

  const isMissing = (plan: Plan, stored: ReadonlyMap<string, number>) =>
    missingParts(plan, stored).some((other) => partName(other) === name)

  /** The job was published meanwhile, or ended otherwise: what this part, or the one before it, stored since is nobody's. */
  async function clearUp(signal: AbortSignal): Promise<void> {
    const state = await records.state(parent.identity)
    if (state === 'done' || (await parent.isPublished?.(signal))) return parent.sweep('done', signal)
    // Without a plan and not ended it may just be planned anew, or be ended right now: giveUp.
    if (state === 'dead' || state === 'cancelled') await parent.sweep(state, signal)
  }

  return {
    kind: 'part',
    identity,
    labels: { ...parent.labels, part: name },
    async run(run) {
      const state = await records.state(parent.identity).catch(() => undefined)
      if (isOver(state)) return 'moot'
      const spec = await parent.spec(run.signal)
      const ledger = openLedger(storage, spec.folder)
      const plan = await ledger.readPlan(run.signal)
      // Cancelled and cleared, or published: nobody waits for this part.
      if (!plan) return 'moot'
      const stored = await ledger.manifests(run.signal)
      // Of this very plan: a part of the one before may refuse when the next is stored already.
      if (isCopy(plan) && stored.has(refusalKey(''))) return 'replan'
      if (!isMissing(plan, stored)) return 'found'
      if (await keyChanged(spec, plan, run.signal)) return 'replan'
      planned = plan.series
      return orRefuseCopy(plan, ledger, run.logger, () => encodePart(spec, plan, message, ports, run))
    },
    async complete(result, signal) {
      const spec = await parent.spec(signal)
      const ledger = openLedger(storage, spec.folder)
      const plan = result === 'moot' ? undefined : await ledger.readPlan(signal)
      if (!plan) {
        await clearUp(signal)
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
    // Likewise, behind the job's end: until that is sure, what its other parts have stored stays.
    removeOutput: async () => {},
    async giveUp(state, error, signal, park) {
      // Viewers can play the job: its join has reported it, or will; what failed here is a message that came again.
      if (state === 'dead' && (await parent.isPublished?.(signal))) return
      const claim = await records.claim(parent.identity, {
        ...{ owner: `${owner}:${message.jobId}`, leaseMs: parentLeaseMs },
        // No record: the job was shared while Redis was away, and the backlog counts it still.
        ...{ messageId: message.jobId, sentMs: 0, counted: true },
      })
      // A part that was sent twice may fail behind a job that is published.
      if (claim.verdict === 'settled') return parent.sweep(claim.state, signal)
      // Its join, or another part that ends it: whoever has it may fail at that.
      if (claim.verdict === 'busy')
        throw new WorkerError(
          'job_busy',
          `the job of ${name} is held for ${Math.ceil(claim.leftMs / 1000)} s`,
        )
      // The API may take longer than the lease: that is no crash.
      const beat = () => records.renew(parent.identity, claim.token, parentLeaseMs)
      const beats = every(parentLeaseMs / 4, beat, { onError: () => {} })
      try {
        // The API may take it and its answer be lost, for longer than the request to cancel is kept.
        if (state === 'cancelled') await parent.rememberCancel?.()
        await parent.fail(error, signal).catch((refusal: unknown) => {
          // As of a job that is whole: what the API will not hear of, the dead-letter queue has.
          if (!park || asWorkerError(refusal).code !== 'api_refused') throw refusal
        })
        // Behind the record's end nobody would come back to do it.
        await park?.()
      } catch (failure) {
        await records.fanOut(parent.identity, claim.token).catch(() => {})
        throw failure
      } finally {
        beats.stop()
      }
      // As for a job that is whole: rejected is final, given up is not.
      const revivable = state === 'dead' && (error.kind !== 'rejected' || error.code === 'crashes_exhausted')
      const status = parent.status({ state, error })
      const answer = await records.finish(parent.identity, claim.token, { state, status, revivable })
      await parent.ended?.()
      // What all parts have stored until now; from here on each finds the job ended, and clears up itself.
      if (answer !== 'lost') await parent.sweep(state, signal)
    },
    startBody: parent.body,
    // A worker that died behind the end of a part has cost it nothing.
    async isPublished(signal) {
      if (isOver(await records.state(parent.identity))) return true
      const ledger = openLedger(storage, (await parent.spec(signal)).folder)
      const plan = await ledger.readPlan(signal)
      // The ledger goes behind the report, which Redis need not have heard of.
      if (!plan) return (await parent.isPublished?.(signal)) ?? false
      return !isMissing(plan, await ledger.manifests(signal))
    },
    tidy: async () => {},
    status: () => ({}),
  }
}

function isOver(state: string | undefined): boolean {
  return state === 'done' || state === 'dead' || state === 'cancelled'
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
): Promise<'encoded' | 'replan'> {
  const name = partName(part)
  return withVideo(
    spec,
    ports,
    run,
    async (opened) => {
      // Another file than the plan is of: it would be cut by what is known of the first.
      if (opened.object.etag !== plan.source.etag) return 'replan'
      const encoding = encodeContext(opened, spec, plan, await openSeal(spec, plan, run.signal))
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
      return 'encoded'
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
