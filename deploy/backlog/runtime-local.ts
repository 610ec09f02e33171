import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WorkerError } from '../../shared/errors.ts'
import { now } from '../../shared/time.ts'
import { type Ending, type Handler, invoke } from './invocation.ts'

/** The path at which AWS's runtime interface emulator is invoked. */
const path = '/2015-03-31/functions/function/invocations'

/** Lambda takes no larger event from a caller that waits, in bytes. */
const maxEventBytes = 6 * 1024 * 1024

export interface LocalOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly handler: Handler
  /** Time that an invocation has, in milliseconds. */
  readonly limitMs: number
  onEnd?(ending: Ending): void
}

export interface LocalRuntime {
  readonly port: number
  /** Takes no more invocations; those that run are answered first. */
  close(): Promise<void>
}

/**
 * The handler over HTTP as the emulator answers for it: POST an event, get the result, one after the other as a single
 * Lambda does it. A failed invocation is answered with 200, the error as its body, and `x-amz-function-error`.
 */
export async function serveLocally(options: LocalOptions): Promise<LocalRuntime> {
  const { host, port, handler, limitMs, onEnd = () => {} } = options
  let last: Promise<unknown> = Promise.resolve()

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST' || request.url !== path)
      return send(response, 404, { errorType: 'NotFound', errorMessage: `POST an event to ${path}` })
    const text = await read(request)
    if (text === undefined || !isJson(text)) {
      const errorMessage = `The event must be JSON of at most ${maxEventBytes} bytes`
      return send(response, 400, { errorType: 'InvalidRequestContentException', errorMessage })
    }
    const turn = last.then(() => invoke(handler, text, now() + limitMs))
    last = turn
    const ending = await turn
    onEnd(ending)
    if (!ending.ok) response.setHeader('x-amz-function-error', 'Unhandled')
    response.setHeader('content-type', 'application/json').end(ending.body)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const message = `--listen ${host}:${port} cannot be listened on: ${error.message}`
      reject(new WorkerError('config_invalid', message, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      await closed
    },
  }
}

/** Undefined: larger than it may be. */
async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    // Read to its end all the same, else the sender sees a broken connection instead of the answer.
    if (bytes <= maxEventBytes) chunks.push(chunk)
  }
  return bytes > maxEventBytes ? undefined : Buffer.concat(chunks).toString('utf8')
}

function isJson(text: string): boolean {
  try {
    if (text !== '') JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
