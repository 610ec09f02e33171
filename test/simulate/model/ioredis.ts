/** Stands in for ioredis under shared/redis.ts: the real scripts, on the model of Redis. */
import { here } from '../machine.ts'
import { mutatedScript } from '../plant.ts'
import type { Reply } from '../redis-model.ts'

export class Redis {
  readonly #machine = here()
  readonly #limitMs: number
  readonly [name: string]: unknown
  readonly status = 'ready'
  readonly stream = { writable: true }

  constructor({ commandTimeout }: { commandTimeout: number }) {
    this.#limitMs = commandTimeout
  }

  on(): void {}
  setMaxListeners(): void {}
  disconnect(): void {}

  defineCommand(name: string, { lua }: { lua: string }): void {
    const { world } = this.#machine
    const source = mutatedScript(name.replace('videoWorker_', ''), lua, world.mutation)
    const run = (count: number, ...rest: (string | number)[]) => {
      const values = rest.map(String)
      const [keys, args] = [values.slice(0, count), values.slice(count)]
      return this.#send(name.replace('videoWorker_', ''), `${keys[0]} ${args.join(' ')}`, () => {
        const reply = world.scripts.run(source, keys, args, world.redis)
        world.watch?.onScript()
        return reply
      })
    }
    Object.assign(this, { [name]: run })
  }

  get(key: string): Promise<Reply> {
    return this.#plain('get', [key])
  }
  hget(key: string, field: string): Promise<Reply> {
    return this.#plain('hget', [key, field])
  }
  set(...args: (string | number)[]): Promise<Reply> {
    return this.#plain('set', args.map(String))
  }
  del(...keys: string[]): Promise<Reply> {
    return this.#plain('del', keys)
  }

  #plain(name: string, args: string[]): Promise<Reply> {
    return this.#send(name, args.join(' '), () => this.#machine.world.redis.call(name, ...args))
  }

  #send(what: string, detail: string, effect: () => Reply): Promise<Reply> {
    return this.#machine.call<Reply>({
      ...{ service: 'redis', what, detail, limitMs: this.#limitMs, effect },
      timedOut: () => new Error('Command timed out'),
      failed: () => new Error('Connection is closed.'),
      say: (reply) => JSON.stringify(reply),
    })
  }
}
