import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { createUploader, type UploaderOptions } from '../../../worker/job/upload.ts'
import { FileStorage } from './file-storage.ts'

const folder = 'tenants/1/video/hls/7/job/'

let bucket = ''
let scratch = ''
let storage: FileStorage
let controller: AbortController

beforeEach(async () => {
  bucket = await mkdtemp(join(tmpdir(), 'upload-bucket-'))
  scratch = await mkdtemp(join(tmpdir(), 'upload-scratch-'))
  storage = new FileStorage(bucket)
  controller = new AbortController()
})
afterEach(async () => {
  await rm(bucket, { recursive: true, force: true })
  await rm(scratch, { recursive: true, force: true })
})

function uploader(options: Partial<UploaderOptions> = {}) {
  return createUploader(storage, { concurrency: 3, signal: controller.signal, ...options })
}

async function file(name: string, bytes: number): Promise<{ path: string; key: string; bytes: number }> {
  const path = join(scratch, name)
  await writeFile(path, Buffer.alloc(bytes, name))
  return { path, key: folder + name, bytes }
}

test('stores every file under its key, with the content type and lifetime of its kind', async () => {
  const uploads = uploader()
  uploads.add(await file('seg-00000.m4s', 1000))
  uploads.add(await file('media.m3u8', 10))
  await uploads.drained(controller.signal)

  expect(await readFile(join(bucket, folder, 'seg-00000.m4s'))).toHaveLength(1000)
  const put = storage.calls.map(({ key, options }) => [key, options?.contentType, options?.cacheControl])
  expect(put.sort()).toEqual([
    [`${folder}media.m3u8`, 'application/vnd.apple.mpegurl', 'no-cache'],
    [`${folder}seg-00000.m4s`, 'video/mp4', 'public, max-age=31536000, immutable'],
  ])
  expect(uploads.stats()).toEqual({ objects: 2, bytes: 1010, retries: 0 })
  expect(uploads.pendingBytes()).toBe(0)
})

test('keeps to its concurrency, starts in order, and tells of each file when it is stored', async () => {
  const uploads = uploader({ concurrency: 2 })
  // Every call is held until it is let go of: so what is under way is known, however slow the machine is.
  const held: { name: string; letGo(): void }[] = []
  const arrival = (count: number) => eventually(() => held.length >= count)
  let running = 0
  let most = 0
  storage.before = async ({ key }) => {
    most = Math.max(most, ++running)
    await new Promise<void>((letGo) => held.push({ name: key.at(-5)!, letGo }))
    running--
  }
  const done: number[] = []
  for (let i = 0; i < 7; i++) {
    uploads.add({ ...(await file(`seg-0000${i}.m4s`, 10 + i)), onDone: (bytes) => void done.push(bytes) })
  }
  for (let i = 0; i < 7; i++) {
    await arrival(Math.min(7, i + 2))
    held[i]!.letGo()
  }
  await uploads.drained(controller.signal)
  expect(most).toBe(2)
  // The first two are read at the same time, and may reach the bucket the other way round.
  const names = held.map(({ name }) => name)
  expect([names.slice(0, 2).sort(), names.slice(2)].flat()).toEqual(['0', '1', '2', '3', '4', '5', '6'])
  expect(done.sort()).toEqual([10, 11, 12, 13, 14, 15, 16])
})

test('removes a file only after it is stored, and only when told to', async () => {
  const uploads = uploader()
  uploads.add({ ...(await file('a.m4s', 5)), removeAfter: true })
  uploads.add(await file('b.m4s', 5))
  await uploads.drained(controller.signal)
  expect(await readdir(scratch)).toEqual(['b.m4s'])
})

test('holds no more bodies in memory than allowed, and streams a file that is larger', async () => {
  const uploads = uploader({ memoryBytes: 1000, concurrency: 8 })
  let held = 0
  let most = 0
  storage.before = async (call) => {
    const bytes = call.name === 'putFile' ? 1000 : 400
    held += bytes
    most = Math.max(most, held)
    await new Promise((resolve) => setTimeout(resolve, 5))
    held -= bytes
  }
  for (const name of ['a', 'b', 'c', 'd', 'e']) uploads.add(await file(`${name}.m4s`, 400))
  uploads.add(await file('large.m4s', 5000))
  await uploads.drained(controller.signal)
  expect(most).toBeLessThanOrEqual(1000)
  expect(storage.calls.filter(({ name }) => name === 'putFile').map(({ key }) => key)).toEqual([
    `${folder}large.m4s`,
  ])
})

test('tells the encoder to pause when the queue is long, and to go on when it is short again', async () => {
  const uploads = uploader({ concurrency: 1, highBytes: 250, lowBytes: 120 })
  const told: [boolean, number][] = []
  uploads.onPressure((high) => told.push([high, uploads.pendingBytes()]))
  const added = Promise.withResolvers<void>()
  storage.before = () => added.promise
  for (const name of ['a', 'b', 'c', 'd']) uploads.add(await file(`${name}.m4s`, 100))
  added.resolve()
  await uploads.drained(controller.signal)
  expect(told).toEqual([
    [true, 300],
    [false, 100],
  ])
})

test('the first failure ends the rest, is told once, and is what drained throws', async () => {
  const refused = new WorkerError('storage_refused', 'the bucket said 403')
  const added = Promise.withResolvers<void>()
  storage.before = async (call) => {
    await added.promise
    if (call.key.endsWith('b.m4s')) throw refused
  }
  const uploads = uploader({ concurrency: 1, highBytes: 250, lowBytes: 120 })
  const told: unknown[] = []
  const pressure: boolean[] = []
  uploads.onFailure((error) => told.push(error))
  uploads.onPressure((high) => pressure.push(high))
  for (const name of ['a', 'b', 'c', 'd']) uploads.add(await file(`${name}.m4s`, 100))
  added.resolve()
  await expect(uploads.drained(controller.signal)).rejects.toBe(refused)
  await expect(uploads.drained(controller.signal)).rejects.toBe(refused)
  uploads.add(await file('e.m4s', 100))
  expect(told).toEqual([refused])
  expect(storage.calls.map(({ key }) => key.at(-5))).toEqual(['a', 'b'])
  expect(pressure).toEqual([true, false])
})

test('an upload that fails because the bucket is away is begun anew', async () => {
  let failures = 2
  storage.before = () => {
    if (failures-- > 0) throw new WorkerError('storage_unavailable', 'the bucket answered 500')
  }
  const keys: string[] = []
  const uploads = uploader({
    retry: { tries: 3, base: 0.01, cap: 0.01 },
    onRetry: (_, key) => keys.push(key),
  })
  uploads.add(await file('a.m4s', 100))
  await uploads.drained(controller.signal)
  expect(uploads.stats()).toEqual({ objects: 1, bytes: 100, retries: 2 })
  expect(keys).toEqual([`${folder}a.m4s`, `${folder}a.m4s`])
})

test('a file that is missing or has another size than told is named', async () => {
  const missing = uploader()
  missing.add({ path: join(scratch, 'none.m4s'), key: `${folder}none.m4s` })
  await expect(missing.drained(controller.signal)).rejects.toMatchObject({ code: 'output_invalid' })

  const cut = uploader()
  cut.add({ ...(await file('cut.m4s', 10)), bytes: 11 })
  await expect(cut.drained(controller.signal)).rejects.toThrow('has 10 bytes instead of 11')
})

test('a small body goes past the queue, and a conditional one says when it lost', async () => {
  const gate = Promise.withResolvers<void>()
  storage.before = (call) => (call.name === 'put' && call.key.endsWith('.m4s') ? gate.promise : undefined)
  const uploads = uploader({ concurrency: 1 })
  uploads.add(await file('slow.m4s', 10))
  const key = `${folder}.work/plan.json`
  expect(await uploads.addBuffer({ key, body: '{"a":1}', onlyIfAbsent: true })).toBe('stored')
  expect(await uploads.addBuffer({ key, body: '{"a":2}', onlyIfAbsent: true })).toBe('exists')
  expect(await readFile(join(bucket, key), 'utf8')).toBe('{"a":1}')
  gate.resolve()
  await uploads.drained(controller.signal)
  expect(uploads.stats().objects).toBe(2)
})

test('the signal ends everything with its reason', async () => {
  storage.before = (call) => waitFor(call.signal)
  const uploads = uploader({ concurrency: 1 })
  for (const name of ['a', 'b']) uploads.add(await file(`${name}.m4s`, 100))
  const drained = uploads.drained(new AbortController().signal)
  const buffer = uploads.addBuffer({ key: `${folder}x.json`, body: 'x' })
  const reason = new WorkerError('drained', 'stopping')
  controller.abort(reason)
  await expect(drained).rejects.toBe(reason)
  await expect(buffer).rejects.toBe(reason)
  await uploads.abort()
  expect(uploads.pendingBytes()).toBe(0)
})

test('waiting for the end can itself be given up without ending the uploads', async () => {
  const gate = Promise.withResolvers<void>()
  storage.before = () => gate.promise
  const uploads = uploader()
  uploads.add(await file('a.m4s', 100))
  const waiter = new AbortController()
  const drained = uploads.drained(waiter.signal)
  waiter.abort(new Error('no longer interested'))
  await expect(drained).rejects.toThrow('no longer interested')
  gate.resolve()
  await uploads.drained(controller.signal)
  expect(uploads.stats().objects).toBe(1)
})

test('abort waits for what is under way and can be called at any time', async () => {
  let ended = false
  storage.before = async (call) => {
    await waitFor(call.signal).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 20))
    ended = true
  }
  const uploads = uploader()
  uploads.add(await file('a.m4s', 100))
  await eventually(() => storage.calls.length > 0)
  await Promise.all([uploads.abort(), uploads.abort()])
  expect(ended).toBe(true)
})

async function eventually(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 1))
}

function waitFor(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
