/**
 * A process of its own that serves one source, so that its memory can be measured apart from the test's bucket
 * and clients. Prints {url} when ready; when its standard input ends, prints {mostHeldBytes, samples, fetchedBytes}
 * and ends by itself.
 */
import { once } from 'node:events'
import type { Config } from '../../../shared/config.ts'
import { openStorage } from '../../../shared/storage.ts'
import { startSourceServer } from '../../../worker/job/source.ts'
import { type Held, watchHeld } from '../held.ts'

/** Bytes from the bucket between two samples. */
const everyBytes = 8 * 1024 * 1024

const { r2, key, dir } = JSON.parse(process.argv[2]!) as { r2: Config['r2']; key: string; dir: string }
const { signal } = new AbortController()
const storage = openStorage(r2)
const server = await startSourceServer(storage)
const { bytes, etag } = (await storage.head(key, signal))!

let held: Held | undefined
let moved = 0
const onBytes = (arrived: number): void => {
  moved += arrived
  if (moved < everyBytes) return
  moved = 0
  held?.sample()
}
const source = server.open({ onBytes, key, bytes, etag, dir, signal })
// All code is loaded and warm before the measuring begins.
await source.read(0, 4 * 1024 * 1024)
held = watchHeld()
console.log(JSON.stringify({ url: source.url }))

process.stdin.resume()
await once(process.stdin, 'end')
held.sample()
const { fetchedBytes } = source.stats()
console.log(JSON.stringify({ mostHeldBytes: held.most(), samples: held.samples(), fetchedBytes }))
await server.close()
storage.close()
