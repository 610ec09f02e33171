import { loadBacklogConfig } from '../../shared/config-backlog.ts'
import { withParameter } from './environment.ts'
import { openPublisher, type Publisher } from './open.ts'
import { type Answer, publishBacklog } from './publish.ts'

/**
 * Opened at the first invocation and kept: connections last as long as the Lambda's process. After a failure everything
 * is opened anew, and the parameter read again: somebody may have corrected it.
 */
let publisher: Publisher | undefined

/** Of the time that Lambda still gives, kept for the answer, in milliseconds. */
const lastWordsMs = 2_000
/** When nobody tells how much time there is. */
const runLimitMs = 50_000

/** The event may ask for a dry run: `{"dry_run": true}`. */
export interface PublisherEvent {
  readonly dry_run?: boolean
}

export interface PublisherContext {
  getRemainingTimeInMillis?(): number
}

/** The error that an invocation fails with: Lambda shows its name as the error's type, so alarms can tell them apart. */
class PublisherError extends Error {
  constructor(code: string, message: string) {
    super(message)
    this.name = code
  }
}

/**
 * The publisher as a Lambda, once a minute. Resolves to the answer; when anything could not be learned or published it
 * rejects, named by the first error's code and with the whole answer in the message, so that the alarm on the function's
 * errors goes off.
 */
export async function handler(event: PublisherEvent = {}, context: PublisherContext = {}): Promise<Answer> {
  const limitMs = (context?.getRemainingTimeInMillis?.() ?? runLimitMs + lastWordsMs) - lastWordsMs
  const signal = AbortSignal.timeout(Math.max(1, limitMs))
  publisher ??= openPublisher(loadBacklogConfig(await withParameter(process.env, signal)))
  const run = await publishBacklog(publisher, { dryRun: event?.dry_run === true, signal })
  const [first] = run.errors
  if (!first) return run.answer
  close()
  const lines = run.errors.map(({ code, message }) => `${code}: ${message}`)
  throw new PublisherError(first.code, `${lines.join('\n')}\n${JSON.stringify(run.answer)}`)
}

/** Closes what the invocations shared: a process that lives on is then free to end. */
export function close(): void {
  publisher?.close()
  publisher = undefined
}
