import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { openStorage, type Storage } from '../../shared/storage.ts'
import { type S3Server, startS3 } from '../local/s3/server.ts'

const mib = 1024 ** 2
const { signal } = new AbortController()
let dir: string
let s3: S3Server
let storage: Storage
/** The same with a short patience, for the tests that provoke silence. */
let impatient: Storage
let retries = 0

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'storage-'))
  s3 = await startS3({ dir })
  storage = open('pre/')
  impatient = open('pre/', { stallMs: 1000 })
})

beforeEach(() => {
  retries = 0
  s3.faults.clear()
  s3.requests.length = 0
})

afterAll(async () => {
  storage.close()
  impatient.close()
  await s3.close()
  await rm(dir, { recursive: true, force: true })
})

function open(prefix: string, how: { bucket?: string; secretKey?: string; stallMs?: number } = {}): Storage {
  const { endpoint, accessKey } = s3
  const { bucket = s3.bucket, secretKey = s3.secretKey, stallMs = 20_000 } = how
  const r2 = { endpoint, accessKey, secretKey, region: 'auto', bucket, prefix }
  const onRetry = () => {
    retries += 1
  }
  return openStorage(r2, { onRetry, stallMs, backoff: { base: 0.01, cap: 0.02 } })
}

const text = { contentType: 'text/plain', signal }

describe('reading and writing', () => {
  test('keys are under the prefix in the bucket and without it for the caller', async () => {
    expect(await storage.put('a/ü b.txt', 'hello', text)).toBe('stored')
    expect(s3.keys()).toEqual(['pre/a/ü b.txt'])
    const etag = createHash('md5').update('hello').digest('hex')
    const head = await storage.head('a/ü b.txt', signal)
    expect(head).toEqual({ key: 'a/ü b.txt', bytes: 5, etag, modified: expect.any(Number) })
    expect(await storage.getText('a/ü b.txt', signal)).toBe('hello')
    const range = await storage.getRange('a/ü b.txt', { start: 1, end: 3 }, { etag, signal })
    expect(range.toString()).toBe('ell')
  })

  test('what is not there is undefined, or input_missing where it must be', async () => {
    expect(await storage.head('none', signal)).toBeUndefined()
    expect(await storage.getText('none', signal)).toBeUndefined()
    const read = storage.getRange('none', { start: 0, end: 1 }, { signal })
    await expect(read).rejects.toMatchObject({ code: 'input_missing' })
    expect(retries).toBe(0)
  })

  test('a replaced object is input_changed', async () => {
    await storage.put('changed', 'one', text)
    const { etag } = (await storage.head('changed', signal))!
    await storage.put('changed', 'two', text)
    const read = storage.getRange('changed', { start: 0, end: 1 }, { etag, signal })
    await expect(read).rejects.toMatchObject({ code: 'input_changed' })
  })

  test('onlyIfAbsent lets the first win, and knows its own write when the answer was lost', async () => {
    expect(await storage.put('plan', 'first', { ...text, onlyIfAbsent: true })).toBe('stored')
    expect(await storage.put('plan', 'second', { ...text, onlyIfAbsent: true })).toBe('exists')
    expect(await storage.getText('plan', signal)).toBe('first')
    s3.faults.failNext({ operation: 'PutObject' }, { reset: true, when: 'after' })
    expect(await storage.put('plan2', 'mine', { ...text, onlyIfAbsent: true })).toBe('stored')
    expect(retries).toBe(1)
  })

  test('a wrong secret is refused without further tries, and shows no secret', async () => {
    const wrong = open('', { secretKey: 'wrong-secret' })
    const error = await wrong.head('x', signal).catch((reason: Error) => reason)
    expect(error).toMatchObject({ code: 'storage_denied' })
    expect(String(error)).not.toContain('wrong-secret')
    expect(retries).toBe(0)
    wrong.close()
  })
})

test('a bucket that does not exist is said to be the fault, not the object', async () => {
  const other = open('', { bucket: 'other' })
  await expect(other.put('x', 'y', text)).rejects.toMatchObject({
    code: 'storage_denied',
    message: expect.stringContaining('no such bucket'),
  })
  other.close()
})

describe('faults', () => {
  test.each([
    ['500', { status: 500 }],
    ['503 SlowDown', { status: 503 }],
    ['429', { status: 429 }],
    ['a reset', { reset: true }],
    ['a stall', { stall: true }],
    ['a lost answer', { reset: true, when: 'after' }],
  ] as const)('%s is retried, for reads and writes', async (_name, fault) => {
    await storage.put('steady', 'content', text)
    const under = 'stall' in fault ? impatient : storage
    s3.faults.failNext({}, { ...fault, times: 2 })
    expect(await under.getText('steady', signal)).toBe('content')
    s3.faults.failNext({}, { ...fault, times: 2 })
    await under.put('steady', 'newer', text)
    s3.faults.failNext({}, { ...fault, times: 1 })
    expect((await under.head('steady', signal))?.bytes).toBe(5)
    // At least: on a busy machine the impatient one may lose patience by itself.
    expect(retries).toBeGreaterThanOrEqual(5)
  })

  test.each([
    ['cut', { reset: true }],
    ['stalled', { stall: true }],
  ] as const)('a body %s in the middle is fetched again', async (_name, fault) => {
    const body = randomBytes(2 * mib)
    await storage.put('body', body, text)
    s3.faults.failNext({ operation: 'GetObject' }, { ...fault, afterBytes: mib })
    const read = await impatient.getRange('body', { start: 0, end: body.length - 1 }, { signal })
    expect(read.equals(body)).toBe(true)
    expect(retries).toBeGreaterThanOrEqual(1)
  })

  test('a body that was changed on its way is fetched again; two equal ones are believed', async () => {
    await storage.put('flipped', 'content', text)
    s3.faults.failNext({ operation: 'GetObject' }, { flip: 3 })
    expect(await storage.getText('flipped', signal)).toBe('content')
    s3.faults.failNext({ operation: 'GetObject' }, { flip: 3 })
    const whole = { start: 0, end: 6 }
    expect((await storage.getRange('flipped', whole, { signal })).toString()).toBe('content')
    expect(retries).toBe(2)
    // As of a bucket whose ETags are not what they look like.
    s3.faults.failNext({ operation: 'GetObject' }, { flip: 3, times: 2 })
    expect(await storage.getText('flipped', signal)).not.toBe('content')
  })

  test('an upload that is cut in the middle is sent again, whole', async () => {
    const body = randomBytes(2 * mib)
    const cut = s3.faults.failNext({ operation: 'PutObject' }, { reset: true, afterBytes: mib, times: 2 })
    await storage.put('cut', body, text)
    expect(cut.hits()).toBe(2)
    expect((await storage.getRange('cut', { start: 0, end: body.length - 1 }, { signal })).equals(body)).toBe(
      true,
    )
  })

  test('a full bucket is said at once, without further tries', async () => {
    s3.faults.failNext({ operation: 'PutObject' }, { status: 507, code: 'InsufficientStorage' })
    await expect(storage.put('full', 'x', text)).rejects.toMatchObject({ code: 'storage_denied' })
    expect(retries).toBe(0)
  })

  test('when it does not end: storage_unavailable after six tries', async () => {
    s3.faults.failNext({}, { status: 500, times: Number.POSITIVE_INFINITY })
    await expect(storage.head('steady', signal)).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect(s3.requests).toHaveLength(6)
  })

  test('a bucket that nobody serves is unavailable, not refused', async () => {
    const gone = await startS3({ dir: join(dir, 'gone') })
    const { endpoint, accessKey, secretKey, bucket } = gone
    await gone.close()
    const r2 = { endpoint, accessKey, secretKey, bucket, region: 'auto', prefix: '' }
    const other = openStorage(r2, { backoff: { base: 0, cap: 0 } })
    await expect(other.getText('x', signal)).rejects.toMatchObject({ code: 'storage_unavailable' })
    other.close()
  })

  test('an abort ends a request, and a wait, with its own reason', async () => {
    for (const fault of [{ stall: true }, { status: 500 }] as const) {
      const reason = new Error('drained')
      const controller = new AbortController()
      s3.faults.failNext({}, { ...fault, times: 6 })
      const waiting = storage.getText('steady', controller.signal)
      controller.abort(reason)
      await expect(waiting).rejects.toBe(reason)
      s3.faults.clear()
    }
  })
})

describe('files', () => {
  async function file(bytes: number): Promise<{ path: string; body: Buffer }> {
    const path = join(dir, `file-${bytes}`)
    const body = randomBytes(bytes)
    await writeFile(path, body)
    return { path, body }
  }

  test('up to 64 MiB go in one PUT, again when it fails', async () => {
    const { path, body } = await file(3 * mib + 1)
    s3.faults.failNext({ operation: 'PutObject' }, { status: 500 })
    await storage.putFile('file', path, { ...text, contentType: 'video/mp4', cacheControl: 'no-cache' })
    expect((await readFile(join(s3.bucketDir, 'pre/file'))).equals(body)).toBe(true)
    expect(retries).toBe(1)
  })

  test('above 64 MiB they go in equal parts, each retried by itself', async () => {
    const { path, body } = await file(65 * mib)
    s3.faults.failNext({ operation: 'UploadPart' }, { status: 500, times: 2 })
    s3.faults.failNext({ operation: 'CompleteMultipartUpload' }, { reset: true, when: 'after' })
    await storage.putFile('file', path, text)
    expect((await readFile(join(s3.bucketDir, 'pre/file'))).equals(body)).toBe(true)
    const parts = s3.requests.filter((entry) => entry.operation === 'UploadPart' && entry.status === 200)
    expect(parts).toHaveLength(9)
    expect(s3.requests.some((entry) => entry.operation === 'PutObject')).toBe(false)
  })

  test('a part that never gets through ends the whole upload as unavailable', async () => {
    const { path } = await file(66 * mib)
    s3.faults.failNext({ operation: 'UploadPart' }, { status: 503, times: Number.POSITIVE_INFINITY })
    await expect(storage.putFile('refused', path, text)).rejects.toMatchObject({
      code: 'storage_unavailable',
    })
    expect(await readdir(join(dir, '.incoming'))).toEqual([])
  })

  test('an aborted upload in parts leaves none of them', async () => {
    const { path } = await file(66 * mib)
    const controller = new AbortController()
    const reason = new Error('lease lost')
    s3.faults.failNext({ operation: 'UploadPart' }, { stall: true, times: 3 })
    const upload = storage.putFile('aborted', path, { ...text, signal: controller.signal })
    while (!s3.requests.some((entry) => entry.operation === 'UploadPart')) await storage.head('x', signal)
    controller.abort(reason)
    await expect(upload).rejects.toBe(reason)
    // The bucket sees a moment later that a part on its way was cut off.
    while ((await readdir(join(dir, '.incoming'))).length > 0) await storage.head('x', signal)
    expect(s3.keys('pre/aborted')).toEqual([])
  })
})

describe('listing and deleting', () => {
  test('more than a thousand objects are listed in order and deleted in batches', async () => {
    const names = Array.from({ length: 1203 }, (_, n) => `many/${String(n).padStart(5, '0')}`)
    for (let at = 0; at < names.length; at += 50)
      await Promise.all(names.slice(at, at + 50).map((name) => storage.put(name, 'x', text)))
    await storage.put('many-not', 'kept', text)
    const listed: string[] = []
    for await (const { key, bytes } of storage.list('many/', signal)) {
      expect(bytes).toBe(1)
      listed.push(key)
    }
    expect(listed).toEqual(names)
    s3.requests.length = 0
    expect(await storage.deletePrefix('many/', signal)).toBe(1203)
    expect(s3.requests.filter((entry) => entry.operation === 'DeleteObjects')).toHaveLength(2)
    expect(s3.keys('pre/many')).toEqual(['pre/many-not'])
    expect(await storage.deletePrefix('many/', signal)).toBe(0)
  })

  test('keys that failed are tried again alone, and named when they never go', async () => {
    for (const name of ['1', '2', '3']) await storage.put(`stubborn/${name}`, name, text)
    s3.faults.failNext({ operation: 'DeleteObjects.Key', key: 'pre/stubborn/2' }, { status: 500, times: 2 })
    await storage.deleteKeys(['stubborn/1', 'stubborn/2'], signal)
    expect(s3.keys('pre/stubborn')).toEqual(['pre/stubborn/3'])
    s3.faults.failNext({ operation: 'DeleteObjects.Key' }, { status: 500, times: 99 })
    await expect(storage.deleteKeys(['stubborn/3'], signal)).rejects.toMatchObject({
      code: 'storage_unavailable',
      details: { keys: ['stubborn/3'] },
    })
  })

  test.each(['', '/', 'tenants/1'])('deleting under "%s" is refused', async (prefix) => {
    await expect(storage.deletePrefix(prefix, signal)).rejects.toThrow('not a folder')
    expect(s3.requests).toEqual([])
  })
})
