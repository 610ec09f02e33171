import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { createUploader, type UploaderOptions } from '../../../worker/job/upload.ts'
import { type Bench, startBench } from './harness.ts'

let bench: Bench
let folder = ''
let jobs = 0

beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench.close())
afterEach(() => {
  bench.s3.faults.clear()
  bench.s3.requests.length = 0
})

function startUploads(options: Partial<UploaderOptions> = {}) {
  folder = `tenants/1/video/hls/7/job-${jobs++}/`
  return createUploader(bench.storage, {
    concurrency: 8,
    signal: new AbortController().signal,
    retry: { tries: 3, base: 0.05, cap: 0.1 },
    ...options,
  })
}

/** Segment-like files of 20 to 60 kB on the scratch disk. */
async function segments(count: number): Promise<{ path: string; key: string; body: Buffer }[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const name = `seg-${String(index).padStart(5, '0')}.m4s`
      const body = randomBytes(20_000 + index * 1000)
      const path = join(bench.scratch, `${jobs}-${name}`)
      await writeFile(path, body)
      return { path, key: `${folder}720p/${name}`, body }
    }),
  )
}

test.each([
  ['a bucket in good health', undefined],
  ['a burst of 500s', { status: 500, times: 10 }],
  ['resets', { reset: true, times: 5 }],
  ['answers that never come', { stall: true, times: 2 }],
  ['answers that are lost after the write', { reset: true, when: 'after', times: 3 }],
] as const)('forty segments arrive whole through %s', async (_, fault) => {
  const uploads = startUploads()
  const files = await segments(40)
  const hit = fault && bench.s3.faults.failNext({ operation: 'PutObject' }, fault)
  for (const { path, key } of files) uploads.add({ path, key, removeAfter: true })
  await uploads.drained(new AbortController().signal)

  expect(bench.s3.keys(folder)).toEqual(files.map(({ key }) => key))
  for (const { key, body } of files) {
    expect(body.equals(await readFile(join(bench.s3.bucketDir, key)))).toBe(true)
  }
  expect(hit?.hits()).toBe(fault?.times)
  expect(uploads.stats().objects).toBe(40)
})

test('a bucket that is away for longer than storage tries is waited for', async () => {
  const uploads = startUploads()
  const [file] = await segments(1)
  bench.s3.faults.failNext({ operation: 'PutObject' }, { status: 503, times: 8 })
  uploads.add(file!)
  await uploads.drained(new AbortController().signal)
  expect(uploads.stats()).toMatchObject({ objects: 1, retries: 1 })
})

test('a slow bucket makes the encoder pause, and go on again', async () => {
  const uploads = startUploads({ concurrency: 2, highBytes: 200_000, lowBytes: 100_000 })
  bench.s3.faults.failNext({ operation: 'PutObject' }, { delayMs: 30, times: 10 })
  const pressure: boolean[] = []
  uploads.onPressure((high) => pressure.push(high))
  for (const file of await segments(10)) uploads.add(file)
  await uploads.drained(new AbortController().signal)
  expect(pressure).toEqual([true, false])
})

test('an aborted job stops sending at once, and no half of an object appears', async () => {
  const job = new AbortController()
  const uploads = startUploads({ signal: job.signal, concurrency: 4 })
  bench.s3.faults.failNext({ operation: 'PutObject' }, { stall: true, times: 1000 })
  for (const file of await segments(10)) uploads.add(file)
  const drained = uploads.drained(new AbortController().signal)
  while (bench.s3.requests.length < 4) await new Promise((resolve) => setTimeout(resolve, 5))
  const reason = new WorkerError('cancelled', 'cancelled by a test')
  job.abort(reason)
  await expect(drained).rejects.toBe(reason)
  await uploads.abort()
  expect(bench.s3.keys(folder)).toEqual([])
  expect(bench.s3.requests).toHaveLength(4)
})

test('a refusal ends the uploads as storage_denied', async () => {
  const uploads = startUploads({ concurrency: 1 })
  bench.s3.faults.failNext({ operation: 'PutObject' }, { status: 403, code: 'AccessDenied' })
  for (const file of await segments(3)) uploads.add(file)
  await expect(uploads.drained(new AbortController().signal)).rejects.toMatchObject({
    code: 'storage_denied',
  })
  expect(bench.s3.requests).toHaveLength(1)
})
