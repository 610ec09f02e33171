import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { type SourceServer, startSourceServer } from '../../../worker/job/source.ts'
import { FileStorage } from './file-storage.ts'

const key = 'tenants/1/video/raw/a/b.mp4'
const content = randomBytes(3_000_000)

let dir = ''
let scratch = ''
let storage: FileStorage
let server: SourceServer
let controller: AbortController

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'source-bucket-'))
  scratch = await mkdtemp(join(tmpdir(), 'source-scratch-'))
  storage = new FileStorage(dir)
  controller = new AbortController()
  await storage.put(key, content, { contentType: 'video/mp4', signal: controller.signal })
  storage.calls.length = 0
  server = await startSourceServer(storage, { backoff: { base: 0.01, cap: 0.01 } })
})
afterEach(async () => {
  await server.close()
  await rm(dir, { recursive: true, force: true })
  await rm(scratch, { recursive: true, force: true })
})

async function open(more: { onBytes?(n: number): void; onFailure?(error: WorkerError): void } = {}) {
  const object = await storage.head(key)
  return server.open({
    key,
    bytes: object!.bytes,
    etag: object!.etag,
    dir: scratch,
    signal: controller.signal,
    ...more,
  })
}

describe('what a client sees', () => {
  test('the whole source, byte for byte', async () => {
    const source = await open()
    const answer = await fetch(source.url)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('accept-ranges')).toBe('bytes')
    expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true)
    expect(source.stats()).toEqual({ fetchedBytes: content.length, servedBytes: content.length, retries: 0 })
  })

  test('a range across cells, with its place in the whole', async () => {
    const source = await open()
    const answer = await fetch(source.url, { headers: { range: 'bytes=262000-600000' } })
    expect(answer.status).toBe(206)
    expect(answer.headers.get('content-range')).toBe(`bytes 262000-600000/${content.length}`)
    expect(Buffer.from(await answer.arrayBuffer()).equals(content.subarray(262_000, 600_001))).toBe(true)
  })

  test('the size alone for HEAD, and nothing is fetched for it', async () => {
    const source = await open()
    const answer = await fetch(source.url, { method: 'HEAD' })
    expect(answer.headers.get('content-length')).toBe(String(content.length))
    expect(storage.calls).toEqual([])
  })

  test('416 with the size for a range behind the end', async () => {
    const source = await open()
    const answer = await fetch(source.url, { headers: { range: `bytes=${content.length}-` } })
    expect(answer.status).toBe(416)
    expect(answer.headers.get('content-range')).toBe(`bytes */${content.length}`)
  })

  test('405 for anything that would write', async () => {
    const source = await open()
    expect((await fetch(source.url, { method: 'PUT', body: 'x' })).status).toBe(405)
  })

  test('404 for every path but the one that was handed out, and for that one after close', async () => {
    const source = await open()
    const origin = new URL(source.url).origin
    for (const path of ['/', '/source', '/x/source', `${new URL(source.url).pathname}/more`]) {
      expect((await fetch(origin + path)).status).toBe(404)
    }
    await source.close()
    expect((await fetch(source.url)).status).toBe(404)
  })

  test('an empty body for an empty source', async () => {
    await storage.put(key, '', { contentType: 'video/mp4', signal: controller.signal })
    const source = await open()
    const answer = await fetch(source.url)
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })

  test('several requests over one kept connection', async () => {
    const source = await open()
    for (const start of [0, 1_000_000, 2_999_999]) {
      const answer = await fetch(source.url, { headers: { range: `bytes=${start}-${start}` } })
      expect((await answer.bytes())[0]).toBe(content[start])
    }
  })
})

describe('what is asked of the bucket', () => {
  test('each byte once, however many read, and every request names the version', async () => {
    let told = 0
    const source = await open({ onBytes: (bytes) => (told += bytes) })
    const bodies = await Promise.all([1, 2, 3].map(async () => (await fetch(source.url)).bytes()))
    expect(bodies.every((body) => content.equals(body))).toBe(true)
    expect(told).toBe(content.length)
    const starts = storage.calls.map((call) => call.range!.start)
    expect(new Set(starts).size).toBe(starts.length)
  })

  test('a look at the head fetches the head', async () => {
    const source = await open()
    expect((await source.read(0, 65_535)).equals(content.subarray(0, 65_536))).toBe(true)
    expect(source.stats().fetchedBytes).toBeLessThanOrEqual(256 * 1024)
  })

  test('a look at the end is cut at the end', async () => {
    const source = await open()
    expect((await source.read(2_999_990, 5_000_000)).equals(content.subarray(2_999_990))).toBe(true)
  })

  test('a client that reads slowly holds the bucket back', async () => {
    await storage.put(key, Buffer.alloc(120_000_000), { contentType: 'x', signal: controller.signal })
    const source = await open()
    const client = request(source.url)
    const [response] = await new Promise<[import('node:http').IncomingMessage]>((resolve) => {
      client.on('response', (message) => resolve([message])).end()
    })
    response.pause()
    let before = -1
    while (source.stats().fetchedBytes !== before) {
      before = source.stats().fetchedBytes
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    expect(before).toBeLessThan(60_000_000)
    const gone = new Promise((resolve) => client.on('error', resolve).on('close', resolve))
    client.destroy()
    await gone
  })
})

describe('when the bucket fails', () => {
  /** Loses its patience fast: for the tests that wait for that, and for no others, which may run on a busy machine. */
  const impatient = async () => {
    await server.close()
    server = await startSourceServer(storage, { patienceMs: 1000, backoff: { base: 0.01, cap: 0.01 } })
    return open()
  }

  test('a range that is unavailable for a moment is begun anew, unseen', async () => {
    let failures = 1
    storage.before = () => {
      if (failures-- > 0) throw new WorkerError('storage_unavailable', 'the bucket answered 500')
    }
    const source = await open()
    expect(content.equals(await (await fetch(source.url)).bytes())).toBe(true)
    expect(source.stats().retries).toBe(1)
    expect(source.failure()).toBeUndefined()
  })

  test('a bucket that stays away is a failure in the end, with the last reason', async () => {
    const away = new WorkerError('storage_unavailable', 'the bucket answered 500')
    storage.before = () => Promise.reject(away)
    const source = await impatient()
    expect((await fetch(source.url)).status).toBe(502)
    expect(source.failure()).toMatchObject({ code: 'storage_unavailable', cause: away })
    expect(source.stats().retries).toBeGreaterThan(0)
  })

  test('so is a range that never comes', async () => {
    storage.before = (call) => waitFor(call.signal)
    const source = await impatient()
    expect(source.waitedMs()).toBe(0)
    const read = expect(source.read(0, 0)).rejects.toThrow(
      /^Bytes 0-262143 of the source did not arrive within/,
    )
    expect(source.waitedMs()).toBeGreaterThanOrEqual(0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(source.waitedMs()).toBeGreaterThan(40)
    await read
    expect(source.waitedMs()).toBe(0)
  })

  test('an object that was replaced breaks the connection and is named', async () => {
    const told: string[] = []
    const source = await open({ onFailure: (error) => told.push(error.code) })
    await source.read(0, 0)
    await storage.put(key, randomBytes(3_000_000), { contentType: 'x', signal: controller.signal })
    await expect(fetch(source.url).then((answer) => answer.bytes())).rejects.toThrow()
    expect(source.failure()?.code).toBe('input_changed')
    expect(told).toEqual(['input_changed'])
    expect((await fetch(source.url)).status).toBe(502)
  })

  test('an object that is gone before the first byte is a plain 502', async () => {
    const source = await open()
    await storage.deleteKeys([key])
    expect((await fetch(source.url)).status).toBe(502)
    expect(source.failure()?.code).toBe('input_missing')
    await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'input_missing' })
  })
})

describe('the end', () => {
  test('close in mid-read ends connection and requests, and gives the disk space back', async () => {
    storage.before = (call) => (storage.calls.length > 3 ? waitFor(call.signal) : undefined)
    const source = await open()
    const answer = await fetch(source.url)
    expect(await openCaches()).toBe(1)
    const body = answer.bytes()
    body.catch(() => {})
    await Promise.all([source.close(), source.close()])
    await expect(body).rejects.toThrow()
    expect(await openCaches()).toBe(0)
    expect(await readdir(scratch)).toEqual([])
    expect(source.failure()).toBeUndefined()
  })

  test('an aborted signal does the same to the connections, and is not called a failure', async () => {
    storage.before = (call) => (storage.calls.length > 3 ? waitFor(call.signal) : undefined)
    const source = await open()
    const body = (await fetch(source.url)).bytes()
    body.catch(() => {})
    controller.abort(new WorkerError('cancelled', 'cancelled in a test'))
    await expect(body).rejects.toThrow()
    await expect(source.read(2_000_000, 2_000_001)).rejects.toMatchObject({ code: 'cancelled' })
    expect(source.failure()).toBeUndefined()
    await source.close()
    expect(await openCaches()).toBe(0)
  })

  test('a scratch folder that is not there is told at once', async () => {
    await rm(scratch, { recursive: true })
    await expect(open()).rejects.toThrow('on the scratch disk')
    await writeFile(scratch, '')
  })
})

function waitFor(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Descriptors of this process that belong to a cache in the scratch folder, although it has no name any more. */
async function openCaches(): Promise<number> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  return links.filter((link) => link.startsWith(scratch)).length
}
