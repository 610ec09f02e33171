/** Bait for hostile files, watched from outside: a file, a server, and an environment variable. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { basename, dirname, join } from 'node:path'

export interface Canaries {
  /** What lies in the files and the environment, and must turn up nowhere else. */
  readonly text: string
  /** For the worker's environment. */
  readonly env: Record<string, string>
  /** Why a part of it sees nothing on this machine. */
  readonly blind: readonly string[]
  /** What was touched since the last call. */
  leaks(): Promise<string[]>
  close(): Promise<void>
}

/** Names and ports that hostile files point at: the words of their own text. */
export function baitOf(text: string): { names: string[]; ports: number[] } {
  const names = [...text.matchAll(/^file\s+'?([\w.-]+)'?\s*$/gm)].map((match) => match[1]!)
  const ports = [...text.matchAll(/\b(?:127\.0\.0\.1|localhost):(\d{2,5})\b/g)].map((match) =>
    Number(match[1]),
  )
  return { names: [...new Set(names)], ports: [...new Set(ports)] }
}

/**
 * Lays the bait: files under the given names in the worker's scratch folder (where a neighbour's upload would lie)
 * and servers on the given loopback ports.
 */
export async function layCanaries(
  scratch: string,
  bait: { names: readonly string[]; ports: readonly number[] },
): Promise<Canaries> {
  const text = `canary-${randomBytes(12).toString('hex')}`
  const blind: string[] = []
  const connections: string[] = []
  const files = ['secret.txt', ...bait.names.map((name) => basename(name))].map((name) => join(scratch, name))
  await mkdir(scratch, { recursive: true })
  for (const file of files) await layFile(file, text)
  if (!(await readingShows(join(dirname(scratch), 'read-shows.txt'))))
    blind.push('reading a file leaves no trace on this file system')

  const servers: Server[] = []
  for (const port of bait.ports) {
    const server = createServer((socket) => {
      connections.push(`somebody connected to port ${port}`)
      socket.end(`HTTP/1.0 200 OK\r\n\r\n${text}`)
      // Unread words would keep the connection, and the server’s end, open.
      socket.resume()
      socket.on('error', () => {})
    })
    const listens = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (listens) servers.push(server)
    else blind.push(`port ${port} is taken by somebody else`)
  }
  return {
    ...{ text, blind, env: { VIDEO_CANARY: text } },
    async leaks() {
      const read: string[] = []
      for (const file of files) {
        if (!(await wasRead(file))) continue
        read.push(`somebody read ${basename(file)}`)
        await layFile(file, text)
      }
      return [...read, ...connections.splice(0)]
    },
    async close() {
      await Promise.all(
        servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
      )
    },
  }
}

/** Last read before it was last written: then even a lazy file system notes the next time that it is read. */
const lastReadSeconds = 1_000_000_000
const lastWrittenSeconds = 1_100_000_000

async function layFile(path: string, text: string): Promise<void> {
  await writeFile(path, `${text}\n`)
  await utimes(path, lastReadSeconds, lastWrittenSeconds)
}

async function wasRead(path: string): Promise<boolean> {
  return Math.round((await stat(path)).atimeMs / 1000) !== lastReadSeconds
}

async function readingShows(path: string): Promise<boolean> {
  await layFile(path, 'x')
  await readFile(path)
  return wasRead(path)
}
