/** The outer world of one seed. */
import { chance } from '../bench/chance.ts'
import { ReferenceRows } from '../local/reference-rows.ts'
import { StrictSqs } from '../strict-sqs/model.ts'
import type { StrictQueue } from '../strict-sqs/queue.ts'
import { Bucket } from './bucket.ts'
import { Clock } from './clock.ts'
import { Injuries } from './injuries.ts'
import { EventLedger } from './ledger.ts'
import { LuaScripts } from './lua.ts'
import type { Machine } from './machine.ts'
import type { Mutation } from './mutations.ts'
import { RedisModel } from './redis-model.ts'
import type { Watch } from './watch.ts'

const queueName = 'jobs'
const deadLetterName = 'jobs-dlq'

/** Scripts are compiled once, whatever the number of worlds. */
let scripts: LuaScripts | undefined

export class World {
  readonly seed: number
  readonly mutation: Mutation | undefined
  readonly clock = new Clock()
  readonly random: () => number
  readonly ledger: EventLedger
  readonly injuries: Injuries
  readonly bucket: Bucket
  readonly redis: RedisModel
  readonly sqs: StrictSqs
  readonly queue: StrictQueue
  readonly deadLetters: StrictQueue
  readonly rows = new ReferenceRows()
  readonly machines: Machine[] = []
  /** Who received by which handle. */
  readonly handles = new Map<string, Machine>()
  /** Handles by which a process was told that it has the message no more. */
  readonly refused = new Set<string>()
  /** Keys of the bucket that were written when their writer had given up: nobody but the reconciler can find those. */
  readonly lateKeys = new Set<string>()
  /** When SQS took a message of a job last whose sender had given up, by job: it bears that time, as a redriven one does. */
  readonly lateSends = new Map<string, number>()
  /** Chance that an encode fails or hangs. */
  encoderTrouble = { fails: 0, hangs: 0 }
  /** 1: a minute takes 5 to 20 s. */
  encoderSpeed = 1
  /** Told of all that happens. */
  watch: Watch | undefined
  readonly #polls = new Set<() => void>()

  constructor(seed: number, mutation: Mutation | undefined) {
    this.seed = seed
    this.mutation = mutation
    this.random = chance(seed)
    this.ledger = new EventLedger(() => this.clock.nowMs)
    this.injuries = new Injuries(this)
    const wallMs = () => this.clock.wallMs()
    this.bucket = new Bucket(wallMs)
    this.redis = new RedisModel(wallMs)
    this.sqs = new StrictSqs({ clock: wallMs, random: chance(seed + 1) })
    this.deadLetters = this.sqs.createQueue(deadLetterName, { MessageRetentionPeriod: '1209600' })
    const deadLetterTargetArn = `arn:aws:sqs:eu:1:${deadLetterName}`
    this.queue = this.sqs.createQueue(queueName, {
      MessageRetentionPeriod: '1209600',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 50 }),
    })
  }

  get scripts(): LuaScripts {
    scripts ??= new LuaScripts()
    return scripts
  }

  /** Evenly from `from` to `to`. */
  between(from: number, to: number): number {
    return from + this.random() * (to - from)
  }

  /** A whole number, both ends included. */
  whole(from: number, to: number): number {
    return Math.floor(this.between(from, to + 1))
  }

  oneOf<T>(all: readonly T[]): T {
    return all[Math.floor(this.random() * all.length)]!
  }

  /** After so many milliseconds, whoever is dead by then. */
  later(ms: number, run: () => void): void {
    this.clock.after(ms, run, null)
  }

  /** A message was sent, or may be visible now: open long polls look again. */
  wakePolls(): void {
    for (const wake of [...this.#polls]) wake()
  }

  /** Resolves when polls are woken, or after so many milliseconds. */
  nextMessage(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancelled = true
        this.#polls.delete(end)
        resolve()
      }
      const timer = this.clock.after(ms, end, null)
      this.#polls.add(end)
    })
  }

  /** How an encode will end; undefined: well. */
  encoderFate(cursed: boolean): 'fails' | 'hangs' | undefined {
    if (cursed) return 'fails'
    if (this.clock.nowMs >= this.injuries.calmFromMs) return undefined
    const roll = this.random()
    const { fails, hangs } = this.encoderTrouble
    return roll < fails ? 'fails' : roll < fails + hangs ? 'hangs' : undefined
  }
}
