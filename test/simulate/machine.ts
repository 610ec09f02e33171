/** One process of the fleet: what it calls, and how it dies. */
import { type Owner, scope } from './clock.ts'
import type { Service } from './injuries.ts'
import type { World } from './world.ts'

/** Of a request that is slow: the limit of a beat with its tries, the longest wait of the bucket's clients. */
const slowMs = 15_000

/** How long a request and its answer are under way, in milliseconds. */
const quick = { least: 1, most: 60 }

/** What a call is about, for whoever watches. */
export interface CallAbout {
  readonly service: Service
  /** What is called: `delete`, `put`. */
  readonly what: string
  /** What it is about: a key, a body. */
  readonly detail: string
  /** Of a report to the API: the job. */
  readonly job?: string
}

export interface CallInput<T> extends CallAbout {
  /** The caller gives up after so long. */
  readonly limitMs: number
  readonly signal?: AbortSignal | undefined
  /** What the client throws when it got no answer. */
  timedOut(): Error
  /** What it throws when the service failed. */
  failed(status: number | undefined): Error
  /** Done at once, wherever the caller is by then; `stillThere` says whether he is. */
  effect(stillThere: () => boolean): T | Promise<T>
  /** In words. */
  say?(value: T): string
}

export class Machine implements Owner {
  readonly world: World
  readonly name: string
  dead = false
  /** When its end was asked for. */
  draining: { readonly sinceMs: number } | undefined
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>
  #leave: () => void = () => {}

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.gone = new Promise((resolve) => {
      this.#leave = resolve
    })
    world.machines.push(this)
  }

  /** Runs as this process. */
  run<T>(fn: () => T): T {
    return scope.run(this, fn)
  }

  /** Gone from one moment to the next: what it had sent arrives all the same. */
  crash(why: string): void {
    if (this.dead) return
    this.world.ledger.add(this.name, 'DIES', why)
    this.world.watch?.onCrash(this)
    this.leave()
  }

  leave(): void {
    this.dead = true
    this.#leave()
  }

  /** One call into the outer world. */
  call<T>(input: CallInput<T>): Promise<T> {
    const { world } = this
    if (this.dead) return new Promise(() => {})
    const { service, what, detail, signal } = input
    world.watch?.onCall(this, input)
    const event = world.ledger.add(this.name, `${service} ${what}`, detail)
    const hit = world.injuries.next(service, what)
    const injury = hit?.injury
    if (injury === 'crash-before') {
      event.result = 'never sent'
      this.crash(`before ${service} ${what}`)
      return new Promise(() => {})
    }
    return new Promise((resolve, reject) => {
      let over = false
      const settle = (end: () => void) => {
        if (over) return
        over = true
        limit.cancelled = true
        signal?.removeEventListener('abort', stop)
        if (!this.dead) scope.run(this, end)
      }
      const stop = () => {
        event.result ||= 'given up'
        settle(() => reject(Object.assign(new Error('aborted'), { name: 'AbortError' })))
      }
      const limit = world.clock.after(input.limitMs, () => {
        event.result ||= 'no answer'
        settle(() => reject(input.timedOut()))
      })
      if (signal?.aborted) return stop()
      signal?.addEventListener('abort', stop, { once: true })
      const thereMs =
        injury === 'slow'
          ? world.between(0.5, 3) * Math.min(input.limitMs, slowMs)
          : world.between(quick.least, quick.most)
      world.clock.after(thereMs, () => void arrive(), null)

      const arrive = async () => {
        if (injury === 'refused') {
          event.result = `REFUSED${hit?.status ? ` ${hit.status}` : ''}`
          return settle(() => reject(input.failed(hit?.status)))
        }
        let end: () => void
        try {
          const value = await input.effect(() => !over && !this.dead)
          if ((over || this.dead) && what === 'put') world.lateKeys.add(detail)
          event.result = `${over ? 'done late' : (input.say?.(value) ?? 'ok')}`
          end = () => resolve(value)
        } catch (error) {
          event.result = `${(error as Error).name}: ${(error as Error).message}`
          end = () => reject(error)
        }
        if (injury === 'crash-after') return this.crash(`after ${service} ${what}`)
        if (injury === 'unheard') {
          event.result += ', UNHEARD'
          end = () => reject(input.failed(undefined))
        }
        world.clock.after(world.between(quick.least, quick.most), () => settle(end), null)
      }
    })
  }
}

/** The process whose code asks. */
export function here(): Machine {
  const machine = scope.getStore()
  if (machine instanceof Machine) return machine
  throw new Error('outside of a simulated process')
}
