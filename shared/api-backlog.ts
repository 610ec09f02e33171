import got from 'got'
import { WorkerError } from './errors.ts'

export interface BacklogRequest {
  /** Whole address of backlog-count, without the slash at its end. */
  readonly url: string
  readonly key: string
  /** Host header, '' for the one of the address. */
  readonly host: string
  readonly timeoutSeconds: number
  readonly signal: AbortSignal
}

/**
 * Asks the API how many jobs wait (contract.md section 4). One try: the next comes in a minute. Every way in which the
 * answer is no count has a code of its own, since each has another cause; a guessed zero is the worst answer there is.
 */
export async function readBacklog({
  url,
  key,
  host,
  timeoutSeconds,
  signal,
}: BacklogRequest): Promise<number> {
  // The product's addresses end with a slash; without it they redirect.
  const address = `${url}/`
  const headers = { 'x-internal-key': key, accept: 'application/json', ...(host === '' ? {} : { host }) }
  const answer = await got(address, {
    ...{ headers, signal, throwHttpErrors: false, followRedirect: false },
    ...{ retry: { limit: 0 }, timeout: { request: timeoutSeconds * 1000 } },
  }).catch((error: unknown) => {
    signal.throwIfAborted()
    // got's error holds the request with its key: keep nothing of it but the code.
    const problem = (error as { code?: string }).code ?? 'unknown'
    throw new WorkerError('backlog_unreachable', `The API did not answer at ${address}: ${problem}`)
  })
  const { statusCode, body } = answer
  if (statusCode !== 200) throw refusal(statusCode, body, { address, host })
  return readCount(body, address)
}

function refusal(
  status: number,
  body: string,
  { address, host }: { address: string; host: string },
): WorkerError {
  const words = `${status} (${body.replace(/\s+/g, ' ').slice(0, 120)})`
  const details = { status }
  if (status === 400) {
    const from = host === '' ? `the address ${address}` : `VIDEO_BACKLOG_API_HOST=${host}`
    const advice = host === '' ? 'add its host to ALLOWED_HOSTS' : 'unset it, or add it to ALLOWED_HOSTS'
    const message = `The API refuses the host name of ${from}: ${words}; ${advice}`
    return new WorkerError('backlog_host_refused', message, { details })
  }
  if (status === 401 || (status === 403 && isJson(body)))
    return new WorkerError('backlog_key_refused', `The API refuses LAMBDA_INTERNAL_API_KEY: ${words}`, {
      details,
    })
  if (status === 403)
    return new WorkerError(
      'backlog_access_refused',
      `Something in front of the API (proxy, firewall, allow-list) refuses the call to ${address}: ${words}`,
      { details },
    )
  if (status === 404 || (status >= 300 && status < 400))
    return new WorkerError('backlog_missing', `There is no backlog-count at ${address}: ${words}`, {
      details,
    })
  return new WorkerError('backlog_failed', `The API could not count the backlog: ${words}`, { details })
}

function readCount(body: string, address: string): number {
  const wrong = (what: string) => new WorkerError('backlog_invalid', `The answer of ${address} is ${what}`)
  const value = parse(body)
  if (value === undefined) throw wrong(`not JSON: ${JSON.stringify(body.slice(0, 80))}`)
  const backlog = (value as { backlog?: unknown } | null)?.backlog
  if (!Number.isSafeInteger(backlog) || Number(backlog) < 0)
    throw wrong(`no count of jobs: ${JSON.stringify(value).slice(0, 80)}`)
  return Number(backlog)
}

function isJson(body: string): boolean {
  const value = parse(body)
  return typeof value === 'object' && value !== null
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
