import { asWorkerError } from '../../shared/errors.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Scaling } from '../../shared/scaling.ts'
import { deadline, monotonicMs, sleep } from '../../shared/time.ts'

/** A job waits so long for its protection, tries included; its lease (120 s) is not beaten yet meanwhile. */
const waitMs = 10_000

/** After a failure Auto Scaling is asked again when this has passed; no job waits for it before. */
const againMs = 30_000

/** `required` hands jobs back for so long; then they run unprotected, since a queue must not stand for ever. */
const requiredMs = 600_000

/** `unknown`: what a predecessor left is still to be undone. `failing`: Auto Scaling did not do as it was asked. */
export type ProtectionState = 'unknown' | 'unprotected' | 'protected' | 'failing'

/** What a job hears before it starts. `wait`: its message goes back, and polling is held. */
export type Verdict = 'start' | 'wait' | 'leaving'

/**
 * Scale-in protection of a busy instance: set before its first job starts, removed when it has been idle for
 * `idleSeconds`. So a hundred short jobs one after another are two calls, and not two hundred.
 */
export interface Protection {
  readonly state: ProtectionState
  /** A job begins; each call that answers `start` needs its `end`. */
  begin(): Promise<Verdict>
  end(): void
  /** Holds polling while `begin` would answer `wait`; true when it did. Rejects with the signal's reason. */
  pass(signal: AbortSignal): Promise<boolean>
  /** The worker leaves: nothing of it may keep an idle instance alive. Bounded, never throws. */
  close(): Promise<void>
}

export interface ProtectionInput {
  readonly scaling: Pick<Scaling, 'protect'>
  readonly mode: 'auto' | 'required'
  readonly idleSeconds: number
  readonly logger: Logger
  /** Looks whether the group is terminating the instance: the reason of a refusal. */
  isTerminating(signal: AbortSignal): Promise<boolean>
  onCall?(result: 'protected' | 'unprotected' | 'refused' | 'error'): void
  /** Milliseconds, for tests: a job's wait, the pause after a failure, and how long jobs are handed back. */
  readonly limits?: { readonly waitMs?: number; readonly againMs?: number; readonly requiredMs?: number }
}

export function createProtection(input: ProtectionInput): Protection {
  const { scaling, logger, mode } = input
  const limits = { waitMs, againMs, requiredMs, ...input.limits }
  const never = new AbortController().signal
  let state: ProtectionState = 'unknown'
  let jobs = 0
  let closed = false
  let leaving = false
  let failingFromMs: number | undefined
  let nextTryMs = Number.NEGATIVE_INFINITY
  /** One call at a time: the last answer is the truth. */
  let calls: Promise<void> = Promise.resolve()
  let timer = new AbortController()

  const wanted = () => (jobs > 0 && !closed ? 'protected' : 'unprotected')
  const held = () =>
    mode === 'required' && failingFromMs !== undefined && monotonicMs() - failingFromMs < limits.requiredMs

  /** Sets what is wanted when its turn comes. */
  function agree(): Promise<void> {
    calls = calls.then(async () => {
      const goal = wanted()
      if (leaving || state === goal || monotonicMs() < nextTryMs) return
      using limit = deadline(limits.waitMs, never, () => new Error('Auto Scaling takes too long'))
      try {
        const answer = await scaling.protect(goal === 'protected', limit.signal)
        if (answer === 'done') settled(goal)
        else await outOfService(limit.signal)
      } catch (error) {
        input.onCall?.('error')
        failed(asWorkerError(error).message)
      }
    })
    return calls
  }

  function settled(goal: 'protected' | 'unprotected'): void {
    state = goal
    failingFromMs = undefined
    nextTryMs = Number.NEGATIVE_INFINITY
    input.onCall?.(goal)
    logger.info(
      goal === 'protected' ? 'the instance is protected from scale-in' : 'the instance may be scaled in',
    )
  }

  /** Terminating, or not in service yet: a launch hook holds it, which is no reason not to work. */
  async function outOfService(signal: AbortSignal): Promise<void> {
    input.onCall?.('refused')
    leaving = await input.isTerminating(signal)
    if (!leaving) failed('the instance is not in service')
  }

  function failed(reason: string): void {
    if (failingFromMs === undefined)
      logger.warn({ reason, mode }, 'scale-in protection cannot be changed: it is tried again')
    state = 'failing'
    failingFromMs ??= monotonicMs()
    nextTryMs = monotonicMs() + limits.againMs
  }

  /** The next change that no job asks for: of an instance that is idle long enough, or after a failure. */
  function schedule(): void {
    timer.abort(new Error('the schedule is another'))
    timer = new AbortController()
    if (closed || leaving || state === wanted()) return
    const idleMs = wanted() === 'unprotected' ? input.idleSeconds * 1000 : 0
    sleep(Math.max(idleMs, nextTryMs - monotonicMs()), { signal: timer.signal })
      .then(agree)
      .then(schedule)
      .catch(() => {})
  }
  schedule()

  function end(): void {
    jobs -= 1
    if (jobs === 0) schedule()
  }

  return {
    get state() {
      return state
    },
    end,
    async begin() {
      jobs += 1
      await agree()
      schedule()
      const verdict = leaving ? 'leaving' : held() ? 'wait' : 'start'
      if (verdict !== 'start') end()
      return verdict
    },
    async pass(signal) {
      if (!held()) return false
      logger.warn('polling is held: SCALE_IN_PROTECTION=required, and the instance cannot be protected')
      // As if a job were here: it is what the protection is tried for.
      jobs += 1
      try {
        while (held() && !leaving) {
          await sleep(Math.max(1, nextTryMs - monotonicMs()), { signal })
          await agree()
        }
      } finally {
        end()
      }
      if (failingFromMs !== undefined) logger.error('jobs run without scale-in protection from here on')
      return true
    },
    async close() {
      closed = true
      nextTryMs = Number.NEGATIVE_INFINITY
      timer.abort(new Error('the worker leaves'))
      await agree()
    },
  }
}
