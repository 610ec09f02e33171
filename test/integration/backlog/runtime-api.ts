import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the function answered to one invocation. */
export interface Posted {
  readonly id: string
  readonly kind: 'response' | 'error'
  readonly errorType: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of it.
  readonly body: any
}

export interface FakeRuntimeApi {
  /** For AWS_LAMBDA_RUNTIME_API. */
  readonly address: string
  /** Connections that were opened to it. */
  readonly connections: () => number
  /** Gives the event to whoever asks next; resolves to what is answered. */
  invoke(event: string, deadlineMs?: number): Promise<Posted>
  /** What the next answer is answered with, instead of 202. */
  answerWith(status: number): void
  /** Resolves when somebody waits for an event. */
  waiting(): Promise<void>
  close(): Promise<void>
}

/** Lambda's Runtime API as far as its page documents it: next blocks until there is an event. */
export async function startRuntimeApi(): Promise<FakeRuntimeApi> {
  const prefix = '/2018-06-01/runtime/invocation/'
  const events: { id: string; event: string; deadlineMs: number }[] = []
  const asking: ServerResponse[] = []
  const answers = new Map<string, (posted: Posted) => void>()
  let noticed: (() => void)[] = []
  let status = 202
  let count = 0
  let connections = 0

  const match = () => {
    while (events.length > 0 && asking.length > 0) {
      const { id, event, deadlineMs } = events.shift()!
      const head = { 'lambda-runtime-aws-request-id': id, 'lambda-runtime-deadline-ms': String(deadlineMs) }
      asking
        .shift()!
        .writeHead(200, { 'content-type': 'application/json', ...head })
        .end(event)
    }
  }
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? ''
    if (request.method === 'GET' && path === `${prefix}next`) {
      asking.push(response)
      for (const notice of noticed.splice(0)) notice()
      return match()
    }
    const [, id = '', kind] = /^([\w-]+)\/(response|error)$/.exec(path.slice(prefix.length)) ?? []
    const answer = answers.get(id)
    if (request.method !== 'POST' || !path.startsWith(prefix) || !answer) return response.writeHead(404).end()
    let text = ''
    for await (const chunk of request) text += chunk
    answers.delete(id)
    response.writeHead(status).end('{"status":"OK"}')
    status = 202
    const errorType = request.headers['lambda-runtime-function-error-type'] as string | undefined
    answer({ id, kind: kind as Posted['kind'], errorType, body: JSON.parse(text) })
  }
  const server = createServer((request, response) => void serve(request, response))
  server.on('connection', () => {
    connections++
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    invoke: (event, deadlineMs = Date.now() + 60_000) =>
      new Promise((resolve) => {
        const id = `invocation-${++count}`
        answers.set(id, resolve)
        events.push({ id, event, deadlineMs })
        match()
      }),
    answerWith(next) {
      status = next
    },
    waiting: () => new Promise((resolve) => (asking.length > 0 ? resolve() : noticed.push(resolve))),
    close() {
      server.closeAllConnections()
      noticed = []
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
