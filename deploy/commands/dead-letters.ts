import type { Config } from '../../shared/config.ts'
import { errorCodes } from '../../shared/errors.ts'
import type { DeadLetter, DeadLetters } from '../../shared/queue-dead.ts'
import { type CommandContext, numberFlag, textFlag } from './context.ts'
import { readTarget } from './target.ts'

/** How long a message is hidden while a command looks at it, in seconds: what is killed gives it back by then. */
const hideSeconds = 900
/** What is held at the end is given back on a clock of its own: the command may have been interrupted. */
const giveBackMs = 15_000

/** A walk through the dead-letter queue. What is not removed is shown again by `end`. */
export interface Walk {
  readonly letters: AsyncGenerator<DeadLetter>
  remove(letter: DeadLetter): Promise<void>
  end(): Promise<void>
}

/** Each message once, for as long as one lasts: none that was seen is received again before hideSeconds are over. */
export function walkDeadLetters(queue: DeadLetters, signal: AbortSignal): Walk {
  const held = new Map<string, DeadLetter>()

  async function* letters(): AsyncGenerator<DeadLetter> {
    for (;;) {
      const batch = await queue.receive(hideSeconds, signal)
      if (batch.length === 0) return
      const fresh = batch.filter(({ messageId }) => !held.has(messageId))
      // The last handle is the one that counts.
      for (const letter of batch) held.set(letter.messageId, letter)
      if (fresh.length === 0) return
      yield* fresh
    }
  }
  return {
    letters: letters(),
    async remove(letter) {
      await queue.remove(held.get(letter.messageId) ?? letter, signal)
      held.delete(letter.messageId)
    },
    async end() {
      await queue.release([...held.values()], AbortSignal.timeout(giveBackMs))
    },
  }
}

/** The code of a reason; `poison` for what is no job, `receives` for what SQS itself moved here. Pure. */
export function reasonCode(reason: string | undefined): string {
  if (reason === undefined) return 'receives'
  const code = /^([a-z_]+): /.exec(reason)?.[1]
  return code !== undefined && Object.hasOwn(errorCodes, code) ? code : 'poison'
}

export interface Selection {
  matches(letter: DeadLetter): boolean
  /** Whether anything was asked for: without it `redrive` and `drop` need --all. */
  readonly narrow: boolean
}

/** Which messages the flags select. Throws `usage`. */
export function selectionOf(context: CommandContext, config: Pick<Config, 'r2' | 'catalog'>): Selection {
  const reason = textFlag(context, 'reason')?.toLowerCase()
  const jobId = textFlag(context, 'job')?.toLowerCase()
  const messageId = textFlag(context, 'message')
  const tenantId = numberFlag(context, 'tenant', { min: 1, max: Number.MAX_SAFE_INTEGER })
  const narrow = [reason, jobId, messageId, tenantId].some((value) => value !== undefined)
  return {
    narrow,
    matches(letter) {
      if (messageId !== undefined && letter.messageId !== messageId) return false
      const text = letter.reason?.toLowerCase() ?? ''
      if (reason !== undefined && reasonCode(letter.reason) !== reason && !text.includes(reason)) return false
      if (jobId === undefined && tenantId === undefined) return true
      const target = readTarget(letter.body, config)
      return (jobId ?? target?.jobId) === target?.jobId && (tenantId ?? target?.tenantId) === target?.tenantId
    },
  }
}
