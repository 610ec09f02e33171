/**
 * A process of its own that serves one source, so that its memory can be measured apart from the test's bucket
 * and clients. Prints {url, residentBytes} when ready; when its standard input ends, prints
 * {peakBytes, fetchedBytes} and ends by itself.
 */
import { once } from 'node:events'
import type { Config } from '../../../shared/config.ts'
import { openStorage } from '../../../shared/storage.ts'
import { startSourceServer } from '../../../worker/job/source.ts'
import { createScavenger } from '../../../worker/scavenge.ts'

const { r2, key, dir } = JSON.parse(process.argv[2]!) as { r2: Config['r2']; key: string; dir: string }
const { signal } = new AbortController()
const storage = openStorage(r2)
const server = await startSourceServer(storage)
const { bytes, etag } = (await storage.head(key, signal))!
const source = server.open({
  // As the worker does: dead buffers are collected as bytes go through.
  onBytes: createScavenger(),
  key,
  bytes,
  etag,
  dir,
  signal,
})
// All code is loaded and warm before the measuring begins.
await source.read(0, 4 * 1024 * 1024)
console.log(JSON.stringify({ url: source.url, residentBytes: process.memoryUsage.rss() }))

process.stdin.resume()
await once(process.stdin, 'end')
const { fetchedBytes } = source.stats()
console.log(JSON.stringify({ peakBytes: process.resourceUsage().maxRSS * 1024, fetchedBytes }))
await server.close()
storage.close()
