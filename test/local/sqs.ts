import { type BuildAppOptions, buildApp } from 'fauxqs'
import { now } from '../../shared/time.ts'
import { FairStore, type Passage } from './fair-store.ts'
import { createFaults, type Faults, waitOut } from './faults.ts'

export interface QueueCounts {
  readonly waiting: number
  readonly inFlight: number
  readonly delayed: number
}

export interface SqsMessageView {
  readonly messageId: string
  readonly body: string
  readonly receiveCount: number
  readonly attributes: Readonly<Record<string, string>>
}

export interface SqsServer {
  readonly endpoint: string
  readonly port: number
  readonly region: string
  /** `operation` is the SQS action (`ReceiveMessage`), `key` the queue's name. */
  readonly faults: Faults
  /** Every message that was sent or received so far, in order. */
  readonly traffic: readonly Passage[]
  /** Attributes as SQS takes them: strings. Resolves the queue's ARN. */
  createQueue(name: string, attributes?: Record<string, string>): Promise<string>
  counts(name: string): Promise<QueueCounts>
  /** Every message of a queue, in flight or not, untouched. */
  messages(name: string): Promise<SqsMessageView[]>
  /** Removes every message of a queue. */
  drain(name: string): Promise<void>
  close(): Promise<void>
}

interface SqsBody {
  readonly QueueUrl?: string
  readonly QueueName?: string
  readonly ReceiptHandle?: string
  readonly MessageGroupId?: string
}

type Stores = NonNullable<BuildAppOptions['stores']>

const jsonType = 'application/x-amz-json-1.0'
const innerHeader = 'x-local-inner'
/** SQS over HTTP on a free loopback port: fauxqs, with its known gaps closed (below) and faults on request. */
export async function startSqs(
  options: {
    region?: string
    signal?: AbortSignal
    /** Whether standard queues are fair, as those of SQS are; without it a message's group is dropped. */
    fair?: boolean
  } = {},
): Promise<SqsServer> {
  const { region = 'ap-northeast-2', fair = true } = options
  const faults = createFaults()
  const store = new FairStore()
  // The other stores it makes itself.
  const stores = { sqsStore: store } as Partial<Stores> as Stores
  const app = buildApp({ logger: false, defaultRegion: region, stores })

  app.addHook('preHandler', async (request, reply) => {
    const target = request.headers['x-amz-target']
    if (typeof target !== 'string') return
    const action = target.replace('AmazonSQS.', '')
    const body = (request.body ?? {}) as SqsBody
    if (fair) store.note(body)
    if (request.headers[innerHeader] !== undefined) return
    const queue = body.QueueName ?? body.QueueUrl?.split('/').at(-1) ?? ''
    const inner = () => call(action, body, String(request.headers.authorization ?? ''))
    const fault = faults.take({ method: 'POST', operation: action, key: queue })
    if (fault) await waitOut(fault)
    if (fault?.when === 'after') await inner()
    if (fault?.reset || fault?.stall) {
      reply.hijack()
      if (fault.reset) request.raw.socket.destroy()
      return
    }
    if (fault?.status !== undefined) return refuse(reply, fault.status, fault.code ?? 'InternalFailure')
    // Gap of fauxqs: it accepts any receipt handle. Its own are UUIDs; SQS refuses what it did not issue.
    if (body.ReceiptHandle !== undefined && !/^[0-9a-f-]{36}$/.test(body.ReceiptHandle))
      return refuse(reply, 404, 'ReceiptHandleIsInvalid')
    // Gap of fauxqs: a lease that ran out is counted as in flight until somebody receives.
    if (action === 'GetQueueAttributes' && (await exists(queue))) {
      const answer = (await inner()) as { Attributes?: Record<string, string> }
      return reply
        .header('content-type', jsonType)
        .send(withCounts(answer.Attributes ?? {}, await counts(queue)))
    }
  })

  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const endpoint = `http://127.0.0.1:${port}`

  /** A request that passes by the hook above. */
  async function call(action: string, payload: object, authorization = ''): Promise<unknown> {
    const headers = {
      'content-type': jsonType,
      'x-amz-target': `AmazonSQS.${action}`,
      host: `127.0.0.1:${port}`,
      [innerHeader]: '1',
      ...(authorization === '' ? {} : { authorization }),
    }
    const answer = await app.inject({ method: 'POST', url: '/', headers, payload: JSON.stringify(payload) })
    if (answer.statusCode !== 200) throw new Error(`${action}: ${answer.statusCode} ${answer.body}`)
    return answer.json()
  }

  async function exists(name: string): Promise<boolean> {
    return (await app.inject({ method: 'GET', url: `/_fauxqs/queues/${name}` })).statusCode === 200
  }

  async function inspect(name: string): Promise<Inspection> {
    const answer = await app.inject({ method: 'GET', url: `/_fauxqs/queues/${name}` })
    if (answer.statusCode !== 200) throw new Error(`There is no queue ${name}`)
    return (answer.json() as { messages: Inspection }).messages
  }

  /** Leases and delays that have run out count as waiting, whenever somebody last received. */
  async function counts(name: string): Promise<QueueCounts> {
    const { ready, inflight, delayed } = await inspect(name)
    const time = now()
    const held = inflight.filter((entry) => entry.visibilityDeadline > time).length
    const later = delayed.filter((message) => (message.delayUntil ?? 0) > time).length
    const all = ready.length + inflight.length + delayed.length
    return { waiting: all - held - later, inFlight: held, delayed: later }
  }

  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= app.close().then(() => undefined)
    return closing
  }
  options.signal?.addEventListener('abort', () => void close(), { once: true })

  return {
    endpoint,
    port,
    region,
    faults,
    traffic: store.traffic,
    async createQueue(QueueName, Attributes = {}) {
      await call('CreateQueue', { QueueName, Attributes })
      return `arn:aws:sqs:${region}:000000000000:${QueueName}`
    },
    counts,
    async messages(name) {
      const { ready, inflight, delayed } = await inspect(name)
      return [...ready, ...delayed, ...inflight.map((entry) => entry.message)].map((message) => ({
        messageId: message.messageId,
        body: message.body,
        receiveCount: message.approximateReceiveCount,
        attributes: Object.fromEntries(
          Object.entries(message.messageAttributes).map(([key, { StringValue }]) => [key, StringValue ?? '']),
        ),
      }))
    },
    async drain(name) {
      await call('PurgeQueue', { QueueUrl: `${endpoint}/000000000000/${name}` })
    },
    close,
  }
}

interface RawMessage {
  readonly messageId: string
  readonly body: string
  readonly approximateReceiveCount: number
  readonly delayUntil?: number
  readonly messageAttributes: Record<string, { StringValue?: string }>
}

interface Inspection {
  readonly ready: RawMessage[]
  readonly delayed: RawMessage[]
  readonly inflight: { message: RawMessage; visibilityDeadline: number }[]
}

interface Reply {
  code(status: number): Reply
  header(name: string, value: string): Reply
  send(body: object): Reply
}

function refuse(reply: Reply, status: number, code: string): Reply {
  return reply
    .code(status)
    .header('content-type', jsonType)
    .header('x-amzn-query-error', `${code};${status < 500 ? 'Sender' : 'Receiver'}`)
    .send({ __type: `com.amazonaws.sqs#${code}`, message: 'Injected fault' })
}

function withCounts(attributes: Record<string, string>, counts: QueueCounts): object {
  const fresh = {
    ApproximateNumberOfMessages: String(counts.waiting),
    ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
    ApproximateNumberOfMessagesDelayed: String(counts.delayed),
  }
  const asked = Object.entries(fresh).filter(([name]) => attributes[name] !== undefined)
  return { Attributes: { ...attributes, ...Object.fromEntries(asked) } }
}
