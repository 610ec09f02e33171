import { asWorkerError } from '../../shared/errors.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Metadata } from '../../shared/metadata.ts'
import type { Scaling, TerminationHook } from '../../shared/scaling.ts'
import { deadline, monotonicMs, sleep } from '../../shared/time.ts'
import type { NoticeBoard } from './board.ts'

/** Of the hook's time, this much is kept for the last words: lastWordsMs, and a look every two seconds before. */
const marginSeconds = 20

/** Auto Scaling may not know yet of an action that the metadata shows already: asked again after this long. */
const notActiveMs = 5_000

/** All last words together: what stops a worker waits no longer after its drain (docs/operations.md, "Stopping"). */
const lastWordsMs = 12_000

/** Beats in one life of the hook: one may fail, and the next still comes. */
const beatsPerLife = 3

export interface Lifecycle {
  /** Asks for the state that the instance is going to. Throws metadata_unavailable. */
  look(signal: AbortSignal): Promise<void>
  /** Finds the group's termination hook out, once. */
  findHook(signal: AbortSignal): Promise<void>
  /** Whether the group is terminating this instance. */
  readonly terminating: boolean
  /** Completes the hook of a terminating instance, which then goes at once. Bounded, never throws. */
  goodbye(): Promise<void>
}

export interface LifecycleInput {
  readonly metadata: Metadata
  readonly board: NoticeBoard
  readonly logger: Logger
  readonly drainSeconds: number
  /** LIFECYCLE_HOOK_NAME, or '' for the group's only one. */
  readonly hookName: string
  /** Undefined when the group's name is not known. */
  readonly scaling: Scaling | undefined
  /** Milliseconds between two tries to complete an action that is not known yet; 5 s unless told. */
  readonly notActiveMs?: number
}

/** The instance's life in its Auto Scaling group. Hooks hold a scale-in up; a Spot reclaim they do not. */
export function createLifecycle(input: LifecycleInput): Lifecycle {
  const { metadata, board, logger, scaling, hookName } = input
  const ended = new AbortController()
  let terminating = false
  let hook: TerminationHook | undefined
  let beating = Promise.resolve()

  async function findHook(signal: AbortSignal): Promise<void> {
    if (!scaling || hook) return
    const hooks = await scaling.terminationHooks(signal)
    const found = hookName === '' ? hooks : hooks.filter(({ name }) => name === hookName)
    if (found.length === 1) hook = found[0]
    else if (found.length > 1)
      logger.warn({ hooks: found.map(({ name }) => name) }, 'set LIFECYCLE_HOOK_NAME: which hook is ours?')
    else
      logger.warn(
        { hookName },
        'no termination hook: Auto Scaling may end the instance in the middle of a drain',
      )
  }

  /** Holds the hook open while the worker drains; when that fails, the drain must be over before the hook is. */
  async function beat({ name, heartbeatSeconds }: TerminationHook, port: Scaling): Promise<void> {
    let lastMs = monotonicMs()
    const leftSeconds = () => heartbeatSeconds - (monotonicMs() - lastMs) / 1000
    while (!ended.signal.aborted) {
      try {
        // Not active: Auto Scaling may not know of it yet, and the next beat will tell.
        if ((await port.beat(name, ended.signal)) === 'done') lastMs = monotonicMs()
        if (leftSeconds() < heartbeatSeconds / 2) shorten(leftSeconds())
      } catch (error) {
        if (ended.signal.aborted) return
        logger.warn({ err: asWorkerError(error) }, 'the lifecycle hook could not be prolonged')
        shorten(leftSeconds())
      }
      await sleep((heartbeatSeconds * 1000) / beatsPerLife, { signal: ended.signal }).catch(() => {})
    }
  }

  function shorten(leftSeconds: number): void {
    const seconds = Math.max(0, leftSeconds - marginSeconds)
    board.raise({ source: 'lifecycle', reason: 'the lifecycle hook ends', seconds })
  }

  async function leave(signal: AbortSignal): Promise<void> {
    terminating = true
    const reason = 'Auto Scaling terminates the instance'
    const globalSeconds = (hook?.globalSeconds ?? Number.POSITIVE_INFINITY) - marginSeconds
    const seconds = Math.max(0, Math.min(input.drainSeconds, globalSeconds))
    board.raise({ source: 'lifecycle', reason, seconds })
    await findHook(signal).catch((error: unknown) => {
      logger.warn({ err: asWorkerError(error) }, 'the termination hook is not known yet')
    })
    if (hook && scaling) beating = beat(hook, scaling)
  }

  async function look(signal: AbortSignal): Promise<void> {
    if (terminating) return
    // `Warmed:Terminated` from a warm pool too; 404 outside of a group.
    const state = await metadata.get('autoscaling/target-lifecycle-state', signal)
    if (state?.endsWith('Terminated')) await leave(signal)
  }

  async function complete(signal: AbortSignal): Promise<void> {
    if (!hook) await findHook(signal)
    if (!hook || !scaling) return
    while ((await scaling.complete(hook.name, signal)) === 'not active')
      await sleep(input.notActiveMs ?? notActiveMs, { signal })
    logger.info({ hook: hook.name }, 'lifecycle action completed')
  }

  return {
    get terminating() {
      return terminating
    },
    findHook,
    look,
    async goodbye() {
      const never = new AbortController().signal
      using limit = deadline(lastWordsMs, never, () => new Error('no time is left for more tries'))
      try {
        // A signal or an operator may have been first: the hook still waits for us.
        await look(limit.signal)
        ended.abort(new Error('the worker leaves'))
        await beating
        if (terminating) await complete(limit.signal)
      } catch (error) {
        logger.warn({ err: asWorkerError(error) }, 'the lifecycle action is left to its timeout')
      } finally {
        ended.abort(new Error('the worker leaves'))
      }
    },
  }
}
