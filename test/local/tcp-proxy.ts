import { connect, createServer, type Socket } from 'node:net'
import { sleep } from '../../shared/time.ts'

/** What stands between a client and a server, and can be worse than either: for what happens on the way. */
export interface TcpProxy {
  readonly port: number
  /** Connections so far. */
  connections(): number
  /** Open connections are cut, new ones too, until `mend`. */
  cut(): void
  /** Open connections fall silent for good, without being closed: the node behind them is gone. New ones work. */
  silence(): void
  /** Each way takes so much longer, in milliseconds. */
  slow(delayMs: number): void
  mend(): void
  close(): Promise<void>
}

interface Pair {
  readonly sockets: readonly [Socket, Socket]
  silent: boolean
}

/** A proxy on a free loopback port before `target`, which may change on the way. */
export async function startTcpProxy(target: () => { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  const ended = new AbortController()
  let isCut = false
  let delayMs = 0
  let count = 0

  const server = createServer((client) => {
    count += 1
    if (isCut) {
      client.destroy()
      return
    }
    const upstream = connect(target())
    const pair: Pair = { sockets: [client, upstream], silent: false }
    pairs.add(pair)
    pass(client, upstream, pair)
    pass(upstream, client, pair)
  })

  function pass(from: Socket, to: Socket, pair: Pair): void {
    // One after the other: bytes must not overtake each other.
    let before = Promise.resolve()
    from.on('data', (bytes: Buffer) => {
      if (pair.silent) return
      const due = delayMs
      before = before
        .then(() => (due === 0 ? undefined : sleep(due, { signal: ended.signal })))
        .then(() => {
          if (!pair.silent && !to.destroyed) to.write(bytes)
        })
        .catch(() => {})
    })
    const end = () => {
      pairs.delete(pair)
      void before.then(() => to.destroy())
    }
    from.on('error', end)
    from.on('close', end)
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const address = server.address()
  const destroyAll = () => {
    for (const { sockets } of pairs) for (const socket of sockets) socket.destroy()
  }
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    connections: () => count,
    cut() {
      isCut = true
      destroyAll()
    },
    silence() {
      for (const pair of pairs) pair.silent = true
    },
    slow(ms) {
      delayMs = ms
    },
    mend() {
      isCut = false
      delayMs = 0
    },
    async close() {
      ended.abort(new Error('the proxy was closed'))
      destroyAll()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
