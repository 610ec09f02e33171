import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { deadline } from '../../shared/time.ts'

export interface RedisServer {
  readonly host: string
  readonly port: number
  readonly pid: number
  /** Ends it in order; may be called again. */
  close(): Promise<void>
  /** SIGKILL: connections break, and everything it held is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
}

export interface RedisOptions {
  /** Its working folder; nothing is written there, since nothing is persisted. */
  readonly dir: string
  readonly password?: string
  readonly signal?: AbortSignal
}

/** How long a start may take: it is 0.1 s on an idle machine. */
const startMs = 20_000
/** Another process may take the free port between its choice and its use. */
const portTries = 5

/** A real redis-server on a free loopback port. It dies with this process, however that ends. */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  const { dir, password = '', signal } = options
  await mkdir(dir, { recursive: true })
  let port = 0
  let child: ChildProcess | undefined
  for (let n = 1; !child; n++) {
    port = await freePort()
    try {
      child = await launch(port, dir, password)
    } catch (error) {
      if (n === portTries || !(error instanceof Error && /in use/i.test(error.message))) throw error
    }
  }
  const end = async (how: 'SIGTERM' | 'SIGKILL') => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    // It does not keep this process alive while it runs, but its end is waited for.
    child.ref()
    const ended = once(child, 'exit')
    child.kill(how)
    await ended
  }
  // Where there is no setpriv: at least an orderly end of this process takes it along.
  const onExit = () => void child?.kill('SIGKILL')
  process.once('exit', onExit)
  const close = async () => {
    process.off('exit', onExit)
    await end('SIGTERM')
  }
  signal?.addEventListener('abort', () => void close(), { once: true })
  return {
    host: '127.0.0.1',
    port,
    get pid() {
      return child?.pid ?? 0
    },
    close,
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGKILL')
      child = await launch(port, dir, password)
    },
  }
}

async function launch(port: number, dir: string, password: string): Promise<ChildProcess> {
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no']
  if (password !== '') args.push('--requirepass', password)
  // With setpriv the kernel kills it when we die, even by SIGKILL; it replaces itself by redis-server.
  const bound = await tryLaunch('setpriv', ['--pdeathsig', 'KILL', 'redis-server', ...args])
  const child = bound ?? (await tryLaunch('redis-server', args))
  if (!child) throw new Error('redis-server is not installed (apt-get install redis-server)')
  return child
}

/** Resolves when the server says that it is ready; undefined if there is no such program. */
async function tryLaunch(program: string, args: string[]): Promise<ChildProcess | undefined> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  using limit = deadline(
    startMs,
    new AbortController().signal,
    () => new Error(`redis-server is not up: ${output}`),
  )
  try {
    return await new Promise<ChildProcess | undefined>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        output += chunk.toString()
        if (/ready to accept connections/i.test(output)) resolve(child)
      }
      child.stdout.on('data', read)
      child.stderr.on('data', read)
      child.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ENOENT' ? resolve(undefined) : reject(error),
      )
      child.once('exit', (code) =>
        // setpriv ends with 127 when the program that it should become is missing.
        code === 127 ? resolve(undefined) : reject(new Error(`redis-server ended with ${code}: ${output}`)),
      )
      limit.signal.addEventListener('abort', () => reject(limit.signal.reason), { once: true })
    })
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    output = ''
    // Drained, not closed: a full pipe would stop the server.
    for (const stream of [child.stdout, child.stderr]) {
      stream.removeAllListeners('data')
      stream.resume()
      const { unref } = stream as { unref?: () => void }
      unref?.call(stream)
    }
    child.unref()
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
