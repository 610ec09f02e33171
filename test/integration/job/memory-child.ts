/**
 * A process of its own that serves one source, so that its memory can be measured apart from the test's bucket
 * and clients. Run with --expose-gc. Prints {url} when ready; when its standard input ends, prints
 * {mostHeldBytes, samples, fetchedBytes} and ends by itself.
 */
import { once } from 'node:events'
import type { Config } from '../../../shared/config.ts'
import { openStorage } from '../../../shared/storage.ts'
import { startSourceServer } from '../../../worker/job/source.ts'

/** Bytes from the bucket between two samples: how many there are depends on the source, not on the machine. */
const everyBytes = 8 * 1024 * 1024

const { r2, key, dir } = JSON.parse(process.argv[2]!) as { r2: Config['r2']; key: string; dir: string }
const { signal } = new AbortController()
const storage = openStorage(r2)
const server = await startSourceServer(storage)
const { bytes, etag } = (await storage.head(key, signal))!

let warmBytes = Number.POSITIVE_INFINITY
let mostHeldBytes = 0
let samples = 0
let moved = 0
function sample(): void {
  mostHeldBytes = Math.max(mostHeldBytes, heldBytes() - warmBytes)
  samples++
}
const onBytes = (arrived: number): void => {
  moved += arrived
  if (moved < everyBytes) return
  moved = 0
  sample()
}

const source = server.open({ onBytes, key, bytes, etag, dir, signal })
// All code is loaded and warm before the measuring begins.
await source.read(0, 4 * 1024 * 1024)
warmBytes = heldBytes()
console.log(JSON.stringify({ url: source.url }))

process.stdin.resume()
await once(process.stdin, 'end')
sample()
const { fetchedBytes } = source.stats()
console.log(JSON.stringify({ mostHeldBytes, samples, fetchedBytes }))
await server.close()
storage.close()

/** What somebody still holds. Collected twice: the first frees what the second can only then see as free. */
function heldBytes(): number {
  for (let i = 0; i < 2; i++) globalThis.gc!({ type: 'major', execution: 'sync' })
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
