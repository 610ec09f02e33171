import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { monotonicMs, now } from '../../shared/time.ts'
import { chance } from '../bench/chance.ts'
import type { Passage } from '../local/fair-store.ts'
import { createFaults, type Fault, waitOut } from '../local/faults.ts'
import type { SqsServer } from '../local/sqs.ts'
import { account, actions, type Desk } from './actions.ts'
import { SqsError } from './errors.ts'
import { StrictSqs, type StrictSqsOptions } from './model.ts'
import { Polls } from './polls.ts'
import { type Call, jsonType, queueNameOf, type Refusal, readCall, refusal } from './wire.ts'

/** The embedded server's ways to look and to hurt, and those that only a strict queue has. */
export interface StrictServer extends SqsServer {
  /** Its chances, leeway and lag may be changed at any time; `queue(name)` shows every message with its history. */
  readonly model: StrictSqs
  /** Connections are cut and refused from now on; the queues stay. Resolves the end of that. */
  goAway(): Promise<() => Promise<void>>
  /** A message is delivered once more, though somebody has it or has deleted it. */
  deliverAgain(queue: string, messageId: string): void
  /** How many long polls wait for a message. */
  polling(): number
  /** Sets the clock of SQS forward by so many milliseconds: visibilities, delays and retention pass. */
  advance(ms: number): void
}

export interface StrictServerOptions extends Partial<Omit<StrictSqsOptions, 'clock' | 'random'>> {
  readonly region?: string
  /** Of everything that is left to chance. */
  readonly seed?: number
  readonly signal?: AbortSignal
}

/** The strict model of SQS over HTTP, on a free loopback port: JSON protocol 1.0, as the real client speaks it. */
export async function startStrictSqs(options: StrictServerOptions = {}): Promise<StrictServer> {
  const { region = 'ap-northeast-2', seed = 1, signal, ...world } = options
  const startedMs = now() - monotonicMs()
  let aheadMs = 0
  const clock = () => startedMs + monotonicMs() + aheadMs
  const sqs = new StrictSqs({ ...world, clock, random: chance(seed) })
  const polls = new Polls(clock)
  const faults = createFaults()
  const sockets = new Set<Socket>()
  const closed = new AbortController()
  let port = 0
  const urlOf = (name: string) => `http://127.0.0.1:${port}/${account}/${name}`
  const desk: Desk = { sqs, region, urlOf }

  /** `gone`: the client left. */
  async function act({ action, input }: Call, gone: AbortSignal): Promise<object> {
    if (action === 'ReceiveMessage') return polls.receive(desk, input, gone)
    const run = actions[action]
    if (run === undefined) throw new SqsError('UnsupportedOperation', `${action} is not modelled.`)
    const answer = run(desk, input)
    if (action !== 'GetQueueAttributes') polls.wake()
    return answer
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = leaving(response)
    const text = await readText(request)
    const call = readCall(request.headers['x-amz-target'] as string | undefined, text)
    const queue = queueNameOf(call.input)
    const fault = faults.take({ method: 'POST', operation: call.action, key: queue })
    if (fault) await waitOut(fault, closed.signal)
    if (fault === undefined || fault.when === 'after' || isDelayOnly(fault)) {
      // A client that left may go unnoticed: its poll goes on, and what comes is lost with it.
      const gone = new AbortController()
      const leave = () => {
        if (call.action !== 'ReceiveMessage' || !sqs.dice.falls('unnoticed')) gone.abort()
      }
      left.addEventListener('abort', leave, { once: true })
      const answer = await act(call, gone.signal)
      if (fault === undefined || isDelayOnly(fault)) return send(response, 200, answer)
    }
    if (fault.stall) return
    if (fault.reset) {
      request.socket.destroy()
      return
    }
    const { status = 500, code = status < 500 ? 'InvalidAction' : 'InternalFailure' } = fault
    refuse(response, refusal(code, 'Injected fault', status))
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.destroyed) return
      const { code, message } =
        error instanceof SqsError ? error : { code: 'InternalFailure', message: String(error) }
      refuse(response, refusal(code, message, error instanceof SqsError ? undefined : 500))
    })
  })
  server.keepAliveTimeout = 60_000
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  const shut = async () => {
    if (!server.listening) return
    const ended = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await ended
  }
  await listen(0)
  const close = async () => {
    closed.abort(new Error('the strict queue is closed'))
    polls.close()
    await shut()
  }
  signal?.addEventListener('abort', () => void close(), { once: true })

  return {
    endpoint: `http://127.0.0.1:${port}`,
    ...{ port, region, faults, model: sqs, close },
    get traffic() {
      return passages(sqs)
    },
    createQueue: async (name, attributes) => {
      sqs.createQueue(name, attributes)
      return `arn:aws:sqs:${region}:${account}:${name}`
    },
    counts: async (name) => sqs.queue(name).counts(),
    messages: async (name) =>
      sqs
        .queue(name)
        .messages()
        .map(({ id, body, receiveCount, attributes }) => ({
          ...{ messageId: id, body, receiveCount },
          attributes: Object.fromEntries(
            Object.entries(attributes).map(([key, { StringValue }]) => [key, StringValue ?? '']),
          ),
        })),
    drain: async (name) => sqs.queue(name).purge(),
    polling: () => polls.open,
    deliverAgain(name, messageId) {
      sqs.queue(name).copy(messageId)
      polls.wake()
    },
    async goAway() {
      await shut()
      return () => listen(port)
    },
    advance(ms) {
      aheadMs += ms
      polls.wake()
    },
  }
}

/** In the order of the queues' own doing; also what nobody heard. */
function passages(sqs: StrictSqs): Passage[] {
  const messages = new Set(sqs.names().flatMap((name) => sqs.queue(name).messages('ever')))
  return [...messages]
    .flatMap(({ id: messageId, body, history }) =>
      history.map(({ what, queue, atMs }) => ({ what, queue, messageId, body, atMs })),
    )
    .sort((a, b) => a.atMs - b.atMs)
    .flatMap(({ what, queue, messageId, body }) =>
      what === 'sent' || what === 'received' ? [{ what, queue, messageId, body }] : [],
    )
}

const isDelayOnly = ({ status, reset, stall }: Fault) => status === undefined && !reset && !stall

/** Aborted when the client closed the connection before it had its answer. */
function leaving(response: ServerResponse): AbortSignal {
  const left = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) left.abort()
  })
  return left.signal
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function send(response: ServerResponse, status: number, body: object, queryError?: string): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': jsonType,
    'content-length': Buffer.byteLength(text),
    'x-amzn-requestid': randomUUID(),
    ...(queryError === undefined ? {} : { 'x-amzn-query-error': queryError }),
  })
  response.end(text)
}

function refuse(response: ServerResponse, { status, queryError, body }: Refusal): void {
  send(response, status, body, queryError)
}
