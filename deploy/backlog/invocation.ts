import { asWorkerError } from '../../shared/errors.ts'
import { now } from '../../shared/time.ts'

/** A Lambda handler as deploy/backlog/main-lambda.ts has it, told how much time is left. */
export type Handler = (event: object, context: { getRemainingTimeInMillis(): number }) => Promise<unknown>

/** How one invocation ended: a JSON text, which is the result or says what failed in Lambda's own form. */
export type Ending =
  | { readonly ok: true; readonly body: string }
  | { readonly ok: false; readonly body: string; readonly type: string }

/**
 * Runs the handler on the text of one event; never rejects. deadlineMs: when its time is over, in milliseconds since
 * 1970. A failure has the form that Lambda shows and counts: `errorType`, `errorMessage`, `stackTrace`.
 */
export async function invoke(handler: Handler, text: string, deadlineMs: number): Promise<Ending> {
  try {
    const event: object = JSON.parse(text === '' ? '{}' : text)
    const result = await handler(event, { getRemainingTimeInMillis: () => deadlineMs - now() })
    return { ok: true, body: JSON.stringify(result ?? null) }
  } catch (error) {
    const { message } = asWorkerError(error)
    const type = typeOf(error)
    const stackTrace = error instanceof Error ? (error.stack ?? '').split('\n').slice(1) : []
    const body = { errorType: type, errorMessage: message, stackTrace: stackTrace.map((line) => line.trim()) }
    return { ok: false, type, body: JSON.stringify(body) }
  }
}

/** The code of an error of ours, else its class: what alarms and people tell failures apart by. */
function typeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  const type = error instanceof Error && name !== 'WorkerError' ? name : code
  // It goes into a header.
  return typeof type === 'string' && /^[\w.-]+$/.test(type) ? type : 'Error'
}
