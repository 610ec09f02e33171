import { Agent, type IncomingMessage, request } from 'node:http'
import { WorkerError } from '../../shared/errors.ts'
import { type Ending, type Handler, invoke } from './invocation.ts'

/**
 * The client of Lambda's Runtime API, version 2018-06-01
 * (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html): three calls over plain HTTP. aws-lambda-ric does
 * the same for any handler, and needs cmake, a compiler and curl's sources to be installed.
 */
const version = '2018-06-01'

export interface RuntimeOptions {
  /** Host and port, as AWS_LAMBDA_RUNTIME_API has them. */
  readonly address: string
  readonly handler: Handler
  /** Ends the wait for the next invocation; one that has begun is answered first. */
  readonly signal: AbortSignal
  /** Told how each invocation ended. */
  onEnd?(ending: Ending): void
}

/**
 * Takes one invocation after the other until the signal; then it resolves. Throws `internal` when the Runtime API
 * does not behave: the process then has to end, and Lambda starts another.
 */
export async function serveRuntimeApi(options: RuntimeOptions): Promise<void> {
  const { address, handler, signal, onEnd = () => {} } = options
  // Lambda freezes the process while it waits for the next event, for hours at times: no timeout may be on this
  // connection, which is why this is not fetch, which has one of five minutes.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const url = `http://${address}/${version}/runtime/invocation`
  try {
    while (!signal.aborted) {
      const next = await call(`${url}/next`, { agent, signal }).catch((error: unknown) => {
        if (signal.aborted) return undefined
        throw error
      })
      if (!next) return
      const { status, headers, body } = next
      const id = headers['lambda-runtime-aws-request-id']
      if (status !== 200 || typeof id !== 'string') throw refused('next', status)
      const ending = await invoke(handler, body, Number(headers['lambda-runtime-deadline-ms']))
      onEnd(ending)
      const answer = await call(`${url}/${id}/${ending.ok ? 'response' : 'error'}`, {
        ...{ agent, body: ending.body },
        headers: ending.ok ? {} : { 'lambda-runtime-function-error-type': ending.type },
      })
      // 413: the answer was too large, which Lambda reports by itself. Anything else is no answer to go on from.
      if (answer.status !== 202 && answer.status !== 413) throw refused(id, answer.status)
    }
  } finally {
    agent.destroy()
  }
}

interface Call {
  readonly agent: Agent
  readonly signal?: AbortSignal
  /** Sent by POST; without one it is a GET. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

function call(url: string, { agent, signal, body, headers = {} }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const type = { 'content-type': 'application/json' }
    const options = {
      ...{ method, agent, headers: { ...type, ...headers } },
      ...(signal ? { signal } : {}),
    }
    const asked = request(url, options, async (response) => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
      } catch (error) {
        reject(error)
      }
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

function refused(what: string, status: number): WorkerError {
  return new WorkerError('internal', `Lambda’s Runtime API answered ${status} to ${what}`)
}
