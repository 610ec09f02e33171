import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { type SourceHandle, type SourceServer, startSourceServer } from '../../../worker/job/source.ts'
import { type Bench, hashArgs, makeVideo, run, startBench } from './harness.ts'

const key = 'tenants/1/video/raw/session/upload.mp4'
const never = new AbortController().signal

let bench: Bench
let server: SourceServer
let video = ''
let bytes = 0
let expected = ''

beforeAll(async () => {
  bench = await startBench()
  server = await startSourceServer(bench.storage)
  video = join(bench.dir, 'video.mp4')
  bytes = await makeVideo(video)
  expected = (await run('ffmpeg', hashArgs(video))).stdout
})
afterAll(async () => {
  await server.close()
  await bench.close()
})
beforeEach(async () => {
  await bench.storage.putFile(key, video, { contentType: 'video/mp4', signal: never })
  bench.s3.requests.length = 0
})
afterEach(() => {
  bench.s3.faults.clear()
})

async function open(options: { signal?: AbortSignal; onFailure?(error: WorkerError): void } = {}) {
  const { etag } = (await bench.storage.head(key, never))!
  bench.s3.requests.length = 0
  return server.open({ key, bytes, etag, dir: bench.scratch, signal: never, ...options })
}

/** Opens the source, closes it after the test's part, and makes sure that nothing of it is left. */
async function withSource<T>(use: (source: SourceHandle) => Promise<T>): Promise<T> {
  const source = await open()
  try {
    return await use(source)
  } finally {
    await source.close()
    expect(await openCaches()).toBe(0)
    expect(await readdir(bench.scratch)).toEqual([])
  }
}

describe('ffmpeg on the source address', () => {
  test('reads an mp4 with its index at the end while blocks arrive, packet for packet', async () => {
    bench.s3.faults.failNext({ operation: 'GetObject' }, { delayMs: 10, times: Number.POSITIVE_INFINITY })
    await withSource(async (source) => {
      let atFirstOutput = 0
      const { code, stdout } = await run('ffmpeg', hashArgs(source.url), {
        onOutput: () => {
          atFirstOutput = source.stats().fetchedBytes
        },
      })
      expect(code).toBe(0)
      expect(stdout === expected).toBe(true)
      expect(atFirstOutput).toBeLessThan(bytes / 2)
      expect(source.stats().fetchedBytes).toBe(bytes)
    })
  })

  test('as two processes at once fetches every block once', async () => {
    await withSource(async (source) => {
      const runs = await Promise.all([1, 2].map(() => run('ffmpeg', hashArgs(source.url))))
      expect(runs.map(({ stdout }) => stdout === expected)).toEqual([true, true])
      const ranges = bench.s3.requests.map(({ range }) => range)
      expect(new Set(ranges).size).toBe(ranges.length)
      expect(bench.s3.requests.reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBe(bytes)
    })
  })

  test('as a probe fetches a fraction', async () => {
    await withSource(async (source) => {
      const { stdout } = await run('ffprobe', ['-of', 'json', '-show_format', '-i', source.url])
      expect(Number(JSON.parse(stdout).format.duration)).toBeCloseTo(20, 0)
      expect(source.stats().fetchedBytes).toBeLessThan(bytes / 2)
    })
  })

  test('that seeks to the end fetches the end, not what lies between', async () => {
    await withSource(async (source) => {
      const { code } = await run('ffmpeg', ['-ss', '18', ...hashArgs(source.url)])
      expect(code).toBe(0)
      expect(source.stats().fetchedBytes).toBeLessThan(bytes / 2)
    })
  })

  test('that was stopped in mid-read for upload back-pressure goes on where it was', async () => {
    await withSource(async (source) => {
      const { code, stdout } = await run('ffmpeg', ['-readrate', '20', ...hashArgs(source.url)], {
        async onStart(pid) {
          await fetched(source, 1_000_000)
          process.kill(pid, 'SIGSTOP')
          await new Promise((resolve) => setTimeout(resolve, 500))
          process.kill(pid, 'SIGCONT')
        },
      })
      expect([code, stdout === expected]).toEqual([0, true])
    })
  })
})

describe('what the bucket does to the source and ffmpeg does not notice', () => {
  test.each([
    ['a burst of 500s', { status: 500, times: 4 }],
    ['429 slow down', { status: 429, times: 2 }],
    ['a reset before the answer', { reset: true, times: 2 }],
    ['a reset in the middle of a body', { reset: true, afterBytes: 100_000, times: 2 }],
    ['a body that stops', { stall: true, afterBytes: 100_000 }],
    ['an answer that never comes', { stall: true }],
  ] as const)('%s', async (_, fault) => {
    await withSource(async (source) => {
      await source.read(0, 1000)
      const hit = bench.s3.faults.failNext({ operation: 'GetObject' }, fault)
      const { code, stdout, stderr } = await run('ffmpeg', hashArgs(source.url))
      expect({ code, stderr, same: stdout === expected }).toEqual({ code: 0, stderr: '', same: true })
      expect(hit.hits()).toBeGreaterThan(0)
      expect(source.failure()).toBeUndefined()
    })
  })
})

describe('what ends a source', () => {
  test('an object that is replaced in mid-read surfaces as input_changed', async () => {
    const failed = Promise.withResolvers<WorkerError>()
    const source = await open({ onFailure: failed.resolve })
    // Its first block is there; on a fast day read-ahead would have had the whole of it before the replacement.
    await source.read(0, 1000)
    await bench.storage.put(key, Buffer.alloc(bytes, 1), { contentType: 'video/mp4', signal: never })
    // Whatever ffmpeg makes of it (an exit code of 0 included), it ends, and has not read the whole.
    expect((await run('ffmpeg', hashArgs(source.url))).stdout).not.toBe(expected)
    expect((await failed.promise).code).toBe('input_changed')
    expect(source.failure()?.code).toBe('input_changed')
    await source.close()
  })

  test('an object that is deleted in mid-read surfaces as input_missing', async () => {
    const source = await open()
    await source.read(0, 1000)
    await bench.storage.deleteKeys([key], never)
    expect((await run('ffmpeg', hashArgs(source.url))).code).not.toBe(0)
    expect(source.failure()?.code).toBe('input_missing')
    await source.close()
  })

  test('a refusal of the bucket surfaces as storage_denied, at once', async () => {
    bench.s3.faults.failNext({ operation: 'GetObject' }, { status: 403, code: 'AccessDenied' })
    await withSource(async (source) => {
      expect((await run('ffmpeg', hashArgs(source.url))).code).not.toBe(0)
      expect(source.failure()?.code).toBe('storage_denied')
    })
  })

  test('a byte that was changed on its way is found: in all of it by its MD5, in a part by a second read', async () => {
    const flip = () => bench.s3.faults.failNext({ operation: 'GetObject', key }, { flip: 200_000 })
    await withSource(async (source) => {
      await run('ffmpeg', hashArgs(source.url))
      expect([await source.readsSame(), await source.judge()]).toEqual([true, 'same'])
    })
    await withSource(async (source) => {
      flip()
      await run('ffmpeg', hashArgs(source.url))
      expect([await source.readsSame(), await source.judge()]).toEqual([false, 'garbled'])
    })
  })

  test('an ETag that is no MD5 of its object proves nothing against it', async () => {
    const { etag } = (await bench.storage.head(key, never))!
    const other = etag.replace(/^./, (first) => (first === '0' ? '1' : '0'))
    // A bucket that encrypts with keys of its own has such; here the pin on the version would refuse it.
    const unpinned: typeof bench.storage.getRange = (name, range, { signal }) =>
      bench.storage.getRange(name, range, { signal })
    const lenient = await startSourceServer({ ...bench.storage, getRange: unpinned })
    for (const odd of [other, `${etag}-3`]) {
      const source = lenient.open({ key, bytes, etag: odd, dir: bench.scratch, signal: never })
      await run('ffmpeg', hashArgs(source.url))
      expect(await source.judge()).toBe('unknown')
      await source.close()
    }
    await lenient.close()
  })

  test('close in mid-read ends ffmpeg, the requests and the cache', async () => {
    const source = await open()
    const running = run('ffmpeg', ['-readrate', '2', ...hashArgs(source.url)])
    await fetched(source, 1_000_000)
    expect(await openCaches()).toBe(1)
    await source.close()
    expect((await running).stdout).not.toBe(expected)
    expect(await openCaches()).toBe(0)
    const asked = bench.s3.requests.length
    expect((await run('ffmpeg', hashArgs(source.url))).stderr).toContain('404')
    expect(bench.s3.requests).toHaveLength(asked)
    expect(source.failure()).toBeUndefined()
  })

  test('an aborted job ends ffmpeg in mid-read even while the bucket stalls', async () => {
    const job = new AbortController()
    const source = await open({ signal: job.signal })
    await source.read(0, 1000)
    const stall = bench.s3.faults.failNext({ operation: 'GetObject' }, { stall: true, times: 1000 })
    const running = run('ffmpeg', hashArgs(source.url))
    while (stall.hits() === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    job.abort(new WorkerError('cancelled', 'cancelled by a test'))
    expect((await running).code).not.toBe(0)
    await source.close()
    expect(await openCaches()).toBe(0)
  })
})

async function fetched(source: SourceHandle, atLeast: number): Promise<void> {
  while (source.stats().fetchedBytes < atLeast) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Descriptors of this process that belong to a cache in the scratch folder, although it has no name any more. */
async function openCaches(): Promise<number> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return links.filter((link) => link.startsWith(bench.scratch)).length
}
