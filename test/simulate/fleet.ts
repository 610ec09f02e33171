/** The fleet of one run: processes as worker/main.ts composes them, and the supervisor that starts them anew. */
import type { Config } from '../../shared/config.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Product } from './loader.ts'
import { Machine } from './machine.ts'
import type { World } from './world.ts'

export interface FleetPlan {
  readonly workers: number
  readonly concurrency: number
  /** In the middle of a change of configuration: every other process cuts its segments differently. */
  readonly mixed: boolean
  readonly config: Config
}

export class Fleet {
  readonly #world: World
  readonly #product: Product
  readonly #plan: FleetPlan
  #started = 0
  /** How each running process is told to go. */
  readonly #stops = new Map<Machine, (reason: string) => void>()

  constructor(world: World, product: Product, plan: FleetPlan) {
    this.#world = world
    this.#product = product
    this.#plan = plan
  }

  start(): void {
    for (let count = 0; count < this.#plan.workers; count++) this.#supervise()
  }

  get running(): Machine[] {
    return this.#world.machines.filter(({ dead }) => !dead)
  }

  /** SIGTERM; a second one hands everything back at once. */
  stop(machine: Machine, reason: string): void {
    this.#stops.get(machine)?.(reason)
  }

  /** One place of the fleet: whoever leaves it is replaced after a while. */
  #supervise(): void {
    const { clock } = this.#world
    const machine = new Machine(this.#world, `w${++this.#started}`)
    void machine.gone.then(() =>
      clock.after(this.#world.between(1_000, 60_000), () => this.#supervise(), null),
    )
    this.#world.ledger.add(machine.name, 'STARTS')
    machine.run(() => void this.#main(machine).catch((error: unknown) => this.#bootFailed(machine, error)))
  }

  #bootFailed(machine: Machine, error: unknown): void {
    this.#world.ledger.add(machine.name, 'boot failed', String(error))
    machine.leave()
  }

  /** worker/main.ts without what is not simulated: signals, the sandbox, the HTTP server. */
  async #main(machine: Machine): Promise<void> {
    const { mixed } = this.#plan
    const config = mixed && this.#started % 2 === 0 ? otherCuts(this.#plan.config) : this.#plan.config
    const product = this.#product
    const logger = loggerOf(this.#world, machine)
    const own = { ...config, workerId: machine.name, concurrency: this.#plan.concurrency }
    const storage = product.openStorage(config.r2)
    const queue = await product.openQueue(own, new AbortController().signal)
    const redis = product.openRedis(config.redis)
    const api = product.openApi(own)
    const records = product.openJobRecords(redis)
    const { metrics, profiles } = product
    const ports = {
      ...{ onBytesMoved() {}, queue, records, owner: machine.name, config: own, storage, metrics, profiles },
      ...{ api, redis, lostSeconds: config.hls.fanoutLostSeconds, leavesSoon: () => false },
      ...{ sources: product.openSources(storage), scratch: product.openScratch() },
      host: { workerId: machine.name, path: '', setpriv: false, prlimit: false, nice: false },
    }
    const worker = product.createWorker({
      ...{ records, owner: machine.name, config: own, queue, redis, api, metrics, logger },
      protection: undefined,
      tryBucket: (signal) => product.checkBucket(storage, machine.name, signal),
      workFor: (message, body) => product.workFor(message, body, ports),
    })
    worker.start()
    this.#stops.set(machine, (reason) => {
      if (machine.dead) return
      const again = machine.draining !== undefined
      this.#world.ledger.add(machine.name, again ? 'STOP AGAIN' : 'STOP', reason)
      machine.draining ??= { sinceMs: this.#world.clock.nowMs }
      machine.run(() => {
        if (again) return worker.stopNow(reason)
        void worker.drain(reason, { seconds: own.drainSeconds, interrupted: true }).then((how) => {
          this.#world.watch?.onDrained(machine, how)
          this.#world.ledger.add(machine.name, 'EXITS', how)
          machine.leave()
        })
      })
    })
  }
}

function otherCuts(config: Config): Config {
  return { ...config, hls: { ...config.hls, segmentSeconds: 20 } }
}

/** What a worker says goes into the ledger, and its errors to whoever watches. */
function loggerOf(world: World, machine: Machine): Logger {
  const make = (bindings: Record<string, unknown>): Logger => {
    const say = (fields: unknown, message?: string) => {
      const all = { ...bindings, ...(typeof fields === 'object' ? (fields as object) : {}) }
      const text = message ?? String(fields)
      world.watch?.onLog(machine, text, all)
      const { err, job, part } = all as { err?: Error; job?: string; part?: string }
      const about = [job?.slice(0, 8), part].filter((each) => each !== undefined).join('/')
      world.ledger.add(machine.name, 'says', `${about} ${text}${err ? `: ${err.message}` : ''}`)
    }
    const child = (more: Record<string, unknown>) => make({ ...bindings, ...more })
    return { debug() {}, info: say, warn: say, error: say, child } as unknown as Logger
  }
  return make({})
}
