/**
 * A port in a network of its own: a network namespace whose loopback is up and holds nothing but this listener. A
 * helper makes the namespace, listens there, and hands the socket over; it is accepted from here as any other, at no
 * cost per byte. Whoever is put into the namespace reaches that port and nothing else.
 */
import { spawn } from 'node:child_process'
import { type FileHandle, open } from 'node:fs/promises'
import { Server } from 'node:net'
import { WorkerError } from '../../shared/errors.ts'

export interface EnclosedListener {
  /** Listens on 127.0.0.1 in there; for `http.Server.listen(server)`. */
  readonly server: Server
  /** The namespace, as nsenter(1) takes it; good as long as this process lives and it is not closed. */
  readonly namespace: string
  close(): Promise<void>
}

/** Loopback is down in a new namespace; setting IFF_UP | IFF_LOOPBACK by sysfs needs no program that may be missing. */
const script = 'mount -t sysfs none /sys && echo 9 > /sys/class/net/lo/flags && exec "$@"'
/** Plain JavaScript on purpose: it has to start fast. */
const helper = [
  "const server = require('node:net').createServer()",
  "server.listen(0, '127.0.0.1', () => process.send('listening', server))",
  "process.on('disconnect', () => server.close())",
].join('\n')
const limitMs = 10_000

/** Throws spawn_failed where the system does not allow it (it takes CAP_SYS_ADMIN). */
export async function openEnclosedListener(path: string, signal: AbortSignal): Promise<EnclosedListener> {
  const args = ['--net', '--mount', '--propagation', 'private', '--', 'sh', '-c', script, 'sh']
  const child = spawn('unshare', [...args, process.execPath, '-e', helper], {
    ...{ stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: { PATH: path, LC_ALL: 'C' } },
    ...{ timeout: limitMs, killSignal: 'SIGKILL', signal },
  })
  let said = ''
  child.stderr?.on('data', (piece: Buffer) => {
    said = (said + piece.toString('utf8')).slice(-1000)
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      said = error.message
      resolve()
    })
    child.once('close', () => resolve())
  })
  const handed = new Promise<unknown>((resolve) => child.once('message', (_, handle) => resolve(handle)))
  const server = await Promise.race([handed, ended])
  if (!(server instanceof Server)) {
    // A program that was never started leaves these open.
    if (child.connected) child.disconnect()
    child.stderr?.destroy()
    signal.throwIfAborted()
    const why = said.split('\n')[0] || 'it handed over no socket'
    throw new WorkerError('spawn_failed', `no network of its own: ${why}`)
  }
  // The namespace lives as long as this handle, and needs no process in it.
  const namespace: FileHandle = await open(`/proc/${child.pid}/ns/net`)
  child.disconnect()
  // Not `close`, which does not come after a socket was handed over.
  await exited
  return {
    server,
    namespace: `/proc/${process.pid}/fd/${namespace.fd}`,
    async close() {
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await namespace.close()
    },
  }
}
