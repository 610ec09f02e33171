/**
 * One set-up at a time in one folder (npm ci wipes node_modules under the feet of a second one), and one
 * apt-get at a time on one machine. The lock is a listening socket without a file (Linux's abstract
 * namespace): the kernel frees it when its holder dies, however it dies, so no lock is ever left behind.
 */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SetupError, say } from './steps.mjs'

const retryMs = 250
/** A cold npm ci on a slow line, with apt-get before it, stays well under a quarter of an hour. */
const patienceMs = 15 * 60_000

/** Runs `work` while nobody else holds the lock of this name. */
export async function withLock(name, work) {
  const release = await acquire(name)
  try {
    return await work()
  } finally {
    release()
  }
}

async function acquire(name) {
  const id = `video-worker-set-up-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`
  // Elsewhere than on Linux a socket file: it stays when its holder is killed, so a dead one is removed.
  const file = process.platform === 'linux' ? undefined : join(tmpdir(), `${id}.sock`)
  const since = Date.now()
  let told = false
  for (;;) {
    const server = await tryListen(file ?? `\0${id}`)
    if (server !== undefined) return () => server.close()
    if (file !== undefined && !(await answers(file))) {
      rmSync(file, { force: true })
      continue
    }
    if (!told) say('another set-up is running; waiting for it')
    told = true
    if (Date.now() - since > patienceMs) throw new SetupError('Another set-up has not ended for 15 minutes.')
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
}

function tryListen(address) {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    server.listen(address, () => {
      server.unref()
      resolve(server)
    })
  })
}

function answers(file) {
  return new Promise((resolve) => {
    const socket = connect(file)
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => socket.destroy())
  })
}
