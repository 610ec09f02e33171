/** Bytes may be damaged on their way from the bucket: what they say of the input is looked at once more. */
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import { deadline } from '../../shared/time.ts'
import type { OpenVideo } from './opening.ts'
import type { SourceHandle } from './source.ts'

/** Last words of an attempt whose signal is aborted by now. */
const lastWordsMs = 30_000

/**
 * No file is called bad for what one read said of it, since that verdict is final. Throws source_garbled in its place
 * when a second read says something else.
 */
export async function believed<T>(
  { source, context }: Pick<OpenVideo, 'source' | 'context'>,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work
  } catch (error) {
    const rejected = error instanceof WorkerError && error.kind === 'rejected'
    if (!rejected || context.signal.aborted || (await source.readsSame())) throw error
    throw garbled(error)
  }
}

/** A damaged picture decodes to something: nothing is published that was made of other bytes than the source's. */
export async function judgeSource(source: Pick<SourceHandle, 'judge'>): Promise<void> {
  if ((await source.judge()) === 'garbled') throw garbled()
}

/** Rethrows; when the attempt ended for garbled bytes, what was made of them is forgotten first. */
export async function forgetGarbled({ ledger, context }: OpenVideo, error: unknown): Promise<never> {
  const { signal, logger } = context
  const { code } = asWorkerError(signal.aborted ? signal.reason : error)
  if (code === 'source_garbled') {
    using limit = deadline(lastWordsMs, new AbortController().signal, () => asWorkerError(error))
    await ledger.clear(limit.signal).catch((failure: unknown) => {
      logger.warn({ err: failure }, 'what was made of garbled bytes could not be removed')
    })
  }
  throw error
}

function garbled(cause?: WorkerError): WorkerError {
  return new WorkerError('source_garbled', 'the bytes that were worked on are not those of the bucket', {
    cause,
  })
}
