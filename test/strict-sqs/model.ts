import { type Chances, Dice, type Leeway } from './chance.ts'
import { invalidValue, noSuchQueue, SqsError } from './errors.ts'
import { StrictQueue } from './queue.ts'
import type { QueueWorld } from './world.ts'

export interface StrictSqsOptions {
  /** Milliseconds that only grow; as SentTimestamp shows them, so since 1970 where a client looks at that. */
  readonly clock: () => number
  /** Numbers from 0 to 1, the same for the same seed. */
  readonly random: () => number
  readonly chances?: Partial<Chances>
  readonly leeway?: Partial<Leeway>
  /** reportedCounts are those of so long ago, in milliseconds. 0 unless told; SQS settles a minute after a change. */
  readonly countLagMs?: number
  /** A copy of a message turns up within so many milliseconds. 1000 unless told. */
  readonly copyMs?: number
  /** Messages in flight at most, per queue. 120,000 unless told. */
  readonly mostInFlight?: number
}

/**
 * Standard queues of SQS as they are documented, strictly: a program that is right here need not hope for kindness.
 * Nothing in it waits or reads a clock of its own: the caller gives time and seed, so that a simulation runs days in
 * milliseconds and can repeat them, and server.ts serves the same over HTTP.
 */
export class StrictSqs {
  /** Chances and leeway may be changed at any time, and the next occasions demanded. */
  readonly dice: Dice
  /** May be changed at any time. */
  countLagMs: number
  readonly #queues = new Map<string, StrictQueue>()
  readonly #world: QueueWorld

  constructor(options: StrictSqsOptions) {
    this.dice = new Dice(options.random, options.chances, options.leeway)
    this.countLagMs = options.countLagMs ?? 0
    this.#world = {
      clock: options.clock,
      dice: this.dice,
      countLagMs: () => this.countLagMs,
      copyMs: options.copyMs ?? 1000,
      mostInFlight: options.mostInFlight ?? 120_000,
      find: (name) => this.#queues.get(name),
    }
  }

  /** Attributes as SQS takes them: strings. A queue that is there with the same ones is left as it is. */
  createQueue(name: string, attributes: Readonly<Record<string, string>> = {}): StrictQueue {
    if (!/^[\w-]{1,80}$/.test(name)) {
      const reason = 'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.'
      throw invalidValue(name, 'QueueName', reason)
    }
    const there = this.#queues.get(name)
    const made = new StrictQueue(name, attributes, this.#world)
    if (there === undefined) this.#queues.set(name, made)
    else if (Object.keys(attributes).some((key) => there.attributes[key] !== attributes[key]))
      throw new SqsError(
        'QueueNameExists',
        'A queue already exists with the same name and a different value for an attribute.',
      )
    return there ?? made
  }

  /** Throws QueueDoesNotExist. */
  queue(name: string): StrictQueue {
    const queue = this.#queues.get(name)
    if (queue === undefined) throw noSuchQueue()
    return queue
  }

  deleteQueue(name: string): void {
    this.queue(name)
    this.#queues.delete(name)
  }

  names(): string[] {
    return [...this.#queues.keys()]
  }
}
