/** Stands in for the SDK's SQSClient under shared/queue-client.ts: the same commands, on the strict model. */
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs'
import { SqsError } from '../../strict-sqs/errors.ts'
import type { StrictQueue } from '../../strict-sqs/queue.ts'
import { refusal } from '../bucket.ts'
import { aboutOf } from '../holders.ts'
import { shortBody } from '../ledger.ts'
import { here, type Machine } from '../machine.ts'
import { middlewares } from '../middlewares.ts'

interface ClientOptions {
  readonly requestHandler: { readonly requestTimeout: number }
}

export class SQSClient {
  readonly middlewareStack = middlewares()
  readonly #limitMs: number
  readonly #machine = here()

  constructor({ requestHandler }: ClientOptions) {
    this.#limitMs = requestHandler.requestTimeout
  }

  send(command: { input: object }, { abortSignal }: { abortSignal?: AbortSignal } = {}): Promise<unknown> {
    const { what, detail, effect } = this.#read(command)
    return this.middlewareStack.run(command, () =>
      this.#machine
        .call<object>({
          ...{ service: 'queue', what, detail, limitMs: this.#limitMs, signal: abortSignal },
          timedOut: () => refusal('TimeoutError', 0),
          failed: () => refusal('InternalFailure', 500),
          effect: async (stillThere) => {
            try {
              return await effect(stillThere)
            } catch (error) {
              throw error instanceof SqsError ? refusal(error.code, 400, error.message) : error
            }
          },
          say: (value) => ('Messages' in value ? `gets ${bodyOf(value)}` : 'ok'),
        })
        .catch((error: unknown) => {
          this.#note(command, error)
          throw error
        }),
    )
  }

  /** From here on the process knows: holders.ts. */
  #note(command: object, error: unknown): void {
    const { $metadata } = error as { $metadata?: { httpStatusCode: number } }
    if (command instanceof ChangeMessageVisibilityCommand && $metadata?.httpStatusCode === 400)
      this.#machine.world.refused.add(command.input.ReceiptHandle ?? '')
  }

  destroy(): void {}

  #read(command: { input: object }): {
    what: string
    detail: string
    effect(stillThere: () => boolean): object | Promise<object>
  } {
    const { world } = this.#machine
    const queueOf = (url: string | undefined) => world.sqs.queue(url ?? '')
    if (command instanceof GetQueueUrlCommand) {
      const { QueueName: name = '' } = command.input
      return { what: 'find', detail: name, effect: () => ({ QueueUrl: name }) }
    }
    if (command instanceof SendMessageCommand) {
      const { QueueUrl, MessageBody = '', DelaySeconds, MessageGroupId } = command.input
      const effect = (stillThere: () => boolean) => {
        const job = aboutOf(MessageBody)?.job
        if (!stillThere() && job !== undefined) world.lateSends.set(job, world.clock.nowMs)
        queueOf(QueueUrl).send({ body: MessageBody, delaySeconds: DelaySeconds, groupId: MessageGroupId })
        world.wakePolls()
        return {}
      }
      return { what: 'send', detail: `${QueueUrl} ${shortBody(MessageBody)}`, effect }
    }
    if (command instanceof DeleteMessageCommand) {
      const { QueueUrl, ReceiptHandle = '' } = command.input
      const effect = () => {
        world.watch?.onDelete(ReceiptHandle)
        queueOf(QueueUrl).delete(ReceiptHandle)
        return {}
      }
      return { what: 'delete', detail: this.#name(ReceiptHandle), effect }
    }
    if (command instanceof ChangeMessageVisibilityCommand) {
      const { QueueUrl, ReceiptHandle = '', VisibilityTimeout = 0 } = command.input
      const effect = () => {
        queueOf(QueueUrl).changeVisibility(ReceiptHandle, VisibilityTimeout)
        if (VisibilityTimeout === 0) world.wakePolls()
        return {}
      }
      return { what: 'extend', detail: `${this.#name(ReceiptHandle)} for ${VisibilityTimeout} s`, effect }
    }
    if (command instanceof ReceiveMessageCommand) {
      const { QueueUrl, WaitTimeSeconds = 0, VisibilityTimeout } = command.input
      const effect = () => receive(this.#machine, queueOf(QueueUrl), WaitTimeSeconds, VisibilityTimeout)
      return { what: 'receive', detail: '', effect }
    }
    throw new Error(`the simulated SQS knows no ${command.constructor.name}`)
  }

  #name(handle: string): string {
    return shortBody(this.#machine.world.queue.messageOf(handle)?.body ?? 'nothing')
  }
}

/** A long poll. It goes on in SQS when its client is gone, and may then take a message that nobody hears of. */
async function receive(
  machine: Machine,
  queue: StrictQueue,
  waitSeconds: number,
  visibilitySeconds: number | undefined,
): Promise<object> {
  const { world } = machine
  const untilMs = world.clock.nowMs + waitSeconds * 1000
  for (;;) {
    const [found] = queue.receive({ visibilitySeconds })
    if (found) {
      const { message, handle, receiveCount } = found
      world.handles.set(handle, machine)
      const Attributes = {
        ApproximateReceiveCount: String(receiveCount),
        SentTimestamp: String(message.sentMs),
      }
      return { Messages: [{ MessageId: message.id, ReceiptHandle: handle, Body: message.body, Attributes }] }
    }
    const { nowMs } = world.clock
    if (nowMs >= untilMs) return {}
    const changeMs = queue.nextChangeMs() - world.clock.wallMs()
    await world.nextMessage(Math.max(1, Math.min(untilMs - nowMs, changeMs)))
  }
}

function bodyOf(value: object): string {
  return shortBody((value as { Messages: { Body: string }[] }).Messages[0]!.Body)
}
