import { createHmac } from 'node:crypto'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import got from 'got'
import { type Backoff, retry } from './backoff.ts'
import { WorkerError } from './errors.ts'
import { now } from './time.ts'

export interface ApiRequest {
  /** What the call is, for errors and metrics: `complete`, `fail`, `heartbeat`, … */
  readonly name: string
  readonly method: 'POST' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Left out: an empty body. */
  readonly json?: object
  /** Secret of the X-Worker-Signature. */
  readonly secret: string
  readonly signal: AbortSignal
}

export interface ApiAnswer {
  /** 0 when there was none. */
  readonly status: number
  readonly text: string
  /** The network error's code when there was no answer. */
  readonly problem?: string
}

export interface ApiClient {
  /** One try; rejects only when the signal aborts, with its reason. */
  once(request: ApiRequest): Promise<ApiAnswer>
  /**
   * Tries until there is an answer that is not a fault of the server (429, 5xx but 503) or the network, or the
   * tries are used up: then throws api_unavailable. 401 and 503 throw api_unauthorized at once (contract 4), but for a
   * 401 whose Date tells that our clock is off: the next try is signed by the API's.
   */
  insist(request: ApiRequest): Promise<ApiAnswer>
  close(): void
}

export interface ApiClientOptions extends Backoff {
  readonly timeoutSeconds: number
  readonly tries: number
  readonly onCall?: ((name: string, result: string) => void) | undefined
}

/** A clock that is further off, in milliseconds, signs what nobody takes: receivers allow a few minutes. */
const clockToleranceMs = 60_000

/** No call has an answer of more than a line: what is longer is somebody else's, and would fill the memory. */
const mostAnswerBytes = 2 ** 20

export function createApiClient(options: ApiClientOptions): ApiClient {
  const agent = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) }
  const client = got.extend({
    agent,
    // Retrying is ours (insist), so that an abort ends a wait and one place counts the tries.
    retry: { limit: 0 },
    timeout: { request: options.timeoutSeconds * 1000 },
    throwHttpErrors: false,
    // A redirected POST would lose its body; a wrong base URL shall be seen as the 3xx that it is.
    followRedirect: false,
    // None is asked for, so none has to be undone: a small answer cannot become a large one.
    decompress: false,
  })

  /** What the API's clock is ahead of ours, milliseconds; 0 as long as they roughly agree. */
  let skewMs = 0
  function noteClock(date: string | undefined): void {
    const aheadMs = Date.parse(date ?? '') - now()
    skewMs = Math.abs(aheadMs) >= clockToleranceMs ? aheadMs : 0
  }

  async function once(request: ApiRequest): Promise<ApiAnswer> {
    const { signal, method, url, name } = request
    signal.throwIfAborted()
    const body = request.json === undefined ? '' : JSON.stringify(request.json)
    const headers = {
      ...{ 'content-type': 'application/json', accept: 'application/json', ...request.headers },
      'x-worker-signature': signBody(body, request.secret, Math.floor((now() + skewMs) / 1000)),
    }
    const stop = new AbortController()
    const follow = () => stop.abort(signal.reason)
    signal.addEventListener('abort', follow, { once: true })
    let tooLong = false
    try {
      const call = client(url, { method, headers, body, signal: stop.signal })
      call.on('downloadProgress', ({ transferred }) => {
        tooLong ||= transferred > mostAnswerBytes
        if (tooLong) stop.abort()
      })
      const { statusCode, body: text, headers: answered } = await call
      noteClock(answered.date)
      options.onCall?.(name, String(statusCode))
      return { status: statusCode, text }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      // got's error holds the request with its token in the headers: keep nothing of it but the code.
      const code = (error as { code?: string }).code ?? 'unknown'
      const problem = tooLong ? 'answer too long' : code
      options.onCall?.(name, problem)
      return { status: 0, text: '', problem }
    } finally {
      signal.removeEventListener('abort', follow)
    }
  }

  return {
    once,
    insist: (request) =>
      retry(
        async () => {
          const skewBefore = skewMs
          const answer = await once(request)
          const { status, problem } = answer
          const clockCorrected = Math.abs(skewMs - skewBefore) >= clockToleranceMs
          if (status === 401 && clockCorrected) throw unavailable(request.name, status, problem)
          if (status === 401 || status === 503) throw unauthorized(request.name, status)
          if (status === 0 || status === 429 || status >= 500)
            throw unavailable(request.name, status, problem)
          return answer
        },
        {
          tries: options.tries,
          base: options.base,
          cap: options.cap,
          signal: request.signal,
          retryIf: (error) => error instanceof WorkerError && error.code === 'api_unavailable',
        },
      ),
    close() {
      agent.http.destroy()
      agent.https.destroy()
    },
  }
}

/** `t={unix seconds},v1={hex hmac-sha256 of "t.body"}`, for receivers who prefer to verify (contract 4). */
function signBody(body: string, token: string, unixSeconds: number): string {
  const digest = createHmac('sha256', token).update(`${unixSeconds}.${body}`).digest('hex')
  return `t=${unixSeconds},v1=${digest}`
}

function unauthorized(name: string, status: number): WorkerError {
  const why = status === 401 ? 'INTERNAL_WORKER_TOKEN is not the one it has' : 'it has no worker token set'
  return new WorkerError('api_unauthorized', `The API refused ${name} with ${status}: ${why}`, {
    details: { call: name, status },
  })
}

function unavailable(name: string, status: number, problem: string | undefined): WorkerError {
  const answer = status === 0 ? `no answer (${problem})` : `status ${status}`
  return new WorkerError('api_unavailable', `The API did not take ${name}: ${answer}`, {
    details: { call: name, status, error: problem },
  })
}
