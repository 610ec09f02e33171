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
 * The design holds 4 requests of 2 MiB and a buffer a connection, and 3 MB are measured. A reader that does not take
 * its bytes would have all 128 MB pile up (seen, with the back-pressure taken out).
 */
const heldLimit = 32 * megabyte

test('a large source goes through the server in bounded memory, slow readers included', async () => {
  const bench = await startBench({ stallMs: 30_000 })
  const bytes = 128 * megabyte
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
    [program, JSON.stringify({ r2: r2Of(bench.s3), key, dir: bench.scratch })],
    { stdio: ['pipe', 'pipe', 'inherit'] },
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
    child.stdin.end()
    const { mostHeldBytes, samples, fetchedBytes } = JSON.parse((await lines.next()).value!)
    await lazyBody.cancel().catch(() => {})
    expect(read).toBe(bytes)
    expect(fetchedBytes).toBe(bytes)
    expect(samples).toBeGreaterThan(10)
    expect(mostHeldBytes).toBeLessThan(heldLimit)
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(0)
  } finally {
    child.kill('SIGKILL')
    await bench.close()
  }
})
