import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'
import { r2Of, startBench } from './harness.ts'

const megabyte = 1024 * 1024
const key = 'tenants/1/video/raw/session/large.mp4'

/**
 * What is held is under 12 MB (4 requests of 2 MiB, a buffer a connection); what is measured is more, since dead
 * buffers lie until they are collected (worker/scavenge.ts, every 16 MiB). The source has 256: what is told apart is
 * bounded from not.
 */
const growthLimit = 96 * megabyte
const smallYoungGeneration = '--max-semi-space-size=1'

test('a large source goes through the server in bounded memory, slow readers included', async () => {
  const bench = await startBench()
  const bytes = 256 * megabyte
  const path = join(bench.dir, 'large.mp4')
  await writeFile(path, 'a sparse file')
  await truncate(path, bytes)
  await bench.storage.putFile(key, path, {
    contentType: 'video/mp4',
    signal: new AbortController().signal,
  })

  const program = fileURLToPath(new URL('./memory-child.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    [smallYoungGeneration, program, JSON.stringify({ r2: r2Of(bench.s3), key, dir: bench.scratch })],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  try {
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const ready = JSON.parse((await lines.next()).value!)
    // One fast reader, and one that stops in the middle: what it does not take must not pile up.
    const lazy = await fetch(ready.url)
    const lazyBody = lazy.body!.getReader()
    await lazyBody.read()
    let read = 0
    for await (const chunk of (await fetch(ready.url)).body!) read += chunk.length
    await lazyBody.cancel()
    child.stdin.end()
    const { peakBytes, fetchedBytes } = JSON.parse((await lines.next()).value!)
    expect(read).toBe(bytes)
    expect(fetchedBytes).toBe(bytes)
    expect(peakBytes - ready.residentBytes).toBeLessThan(growthLimit)
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(0)
  } finally {
    child.kill('SIGKILL')
    await bench.close()
  }
})
