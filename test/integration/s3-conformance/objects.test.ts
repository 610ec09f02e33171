import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, describe, expect, test } from '@jest/globals'
import { watchHeld } from '../held.ts'
import { failure, mib, openBench } from './bench.ts'

const { s3, Bucket, client, put, get, close } = await openBench()
afterAll(close)

describe('an object', () => {
  test('comes back with its bytes, type, headers and MD5 as ETag', async () => {
    const etag = await put('a/plain.txt', 'hello', {
      ContentType: 'text/plain',
      CacheControl: 'no-cache',
      Metadata: { by: 'test' },
    })
    expect(etag).toBe(`"${createHash('md5').update('hello').digest('hex')}"`)
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'a/plain.txt' }))
    expect(head).toMatchObject({
      ContentLength: 5,
      ContentType: 'text/plain',
      CacheControl: 'no-cache',
      ETag: etag,
      Metadata: { by: 'test' },
      AcceptRanges: 'bytes',
    })
    expect(head.LastModified!.getTime()).toBeLessThanOrEqual(Date.now())
    expect((await get('a/plain.txt')).toString()).toBe('hello')
  })

  test('may be empty', async () => {
    await put('a/empty', '')
    expect(await get('a/empty')).toHaveLength(0)
  })

  test('that is not there is a 404, with a code where the answer has a body', async () => {
    expect(await failure(get('a/none'))).toBe('404 NoSuchKey')
    expect(await failure(client.send(new HeadObjectCommand({ Bucket, Key: 'a/none' })))).toBe('404 NotFound')
    expect(await failure(client.send(new HeadBucketCommand({ Bucket: 'other' })))).toBe('404 NotFound')
  })

  test('is gone after its deletion, which may be repeated', async () => {
    await put('a/gone/deep/x', '1')
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'a/gone/deep/x' }))
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'a/gone/deep/x' }))
    expect(await failure(get('a/gone/deep/x'))).toBe('404 NoSuchKey')
    expect(await readdir(join(s3.bucketDir, 'a'))).not.toContain('gone')
  })

  test.each([
    'keys/ünï cødé/日本語 🎬.mp4',
    'keys/a+b&c=d?e#f%20g;h,i@j:k!$\'()*"<>~.txt',
    'keys/dots/../up/./here',
    'keys//double//slash',
    'keys/trailing/',
    `keys/${'long/'.repeat(190)}end`,
    `keys/${'x'.repeat(600)}`,
  ])('has any key: %s', async (Key) => {
    await put(Key, Key)
    expect((await get(Key)).toString()).toBe(Key)
    const listed = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'keys/' }))
    expect(listed.Contents!.map((item) => item.Key)).toContain(Key)
    const Delete = { Objects: [{ Key }] }
    const deleted = await client.send(new DeleteObjectsCommand({ Bucket, Delete }))
    expect(deleted.Deleted).toEqual([{ Key }])
    expect(s3.keys(Key)).toEqual([])
  })

  test('may be named like the folder of others', async () => {
    await put('nest/a/b', '1')
    await put('nest/a', '2')
    await put('nest', '3')
    expect((await get('nest/a')).toString()).toBe('2')
    expect((await get('nest')).toString()).toBe('3')
    expect(s3.keys('nest')).toEqual(['nest', 'nest/a', 'nest/a/b'])
  })

  test('of hundreds of megabytes is streamed in and out without being held', async () => {
    const block = randomBytes(mib)
    const bytes = 200 * mib
    const held = watchHeld()
    const Body = Readable.from(
      (function* () {
        for (let n = 1; n <= 200; n++) {
          yield block
          if (n % 20 === 0) held.sample()
        }
      })(),
    )
    await client.send(
      new PutObjectCommand({ Bucket, Key: 'large', Body, ContentLength: bytes, ContentType: 'video/mp4' }),
    )
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: 'large' }))
    let read = 0
    for await (const chunk of answer.Body as Readable) {
      if (Math.floor((read + chunk.length) / (20 * mib)) > Math.floor(read / (20 * mib))) held.sample()
      read += (chunk as Buffer).length
    }
    expect(read).toBe(bytes)
    expect(held.samples()).toBe(20)
    expect(held.most()).toBeLessThan(64 * mib)
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'large' }))
  })
})

describe('ranges and conditions', () => {
  test.each([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=4-', '456789', 'bytes 4-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
    ['bytes=-99', '0123456789', 'bytes 0-9/10'],
  ])('%s gives %s', async (Range, text, ContentRange) => {
    await put('r/ten', '0123456789')
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: 'r/ten', Range }))
    expect(await answer.Body!.transformToString()).toBe(text)
    expect(answer).toMatchObject({ ContentRange, ContentLength: text.length })
    expect(answer.$metadata.httpStatusCode).toBe(206)
  })

  test('a range past the end is a 416, one that makes no sense is ignored', async () => {
    await put('r/ten', '0123456789')
    expect(await failure(get('r/ten', { Range: 'bytes=10-' }))).toBe('416 InvalidRange')
    expect((await get('r/ten', { Range: 'bytes=5-2' })).toString()).toBe('0123456789')
  })

  test('If-Match pins a version', async () => {
    const old = await put('r/pinned', 'one')
    expect((await get('r/pinned', { IfMatch: old })).toString()).toBe('one')
    await put('r/pinned', 'two')
    expect(await failure(get('r/pinned', { IfMatch: old, Range: 'bytes=0-1' }))).toBe(
      '412 PreconditionFailed',
    )
    const { ETag } = await client.send(new HeadObjectCommand({ Bucket, Key: 'r/pinned' }))
    expect(await failure(get('r/pinned', { IfNoneMatch: ETag }))).toMatch(/^304/)
  })

  test('If-None-Match: * lets the first write win, also of many at once', async () => {
    const writes = Array.from({ length: 8 }, (_, n) =>
      failure(put('r/first', `writer ${n}`, { IfNoneMatch: '*' })),
    )
    const outcomes = await Promise.all(writes)
    expect(outcomes.filter((outcome) => outcome === 'no failure')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === '412 PreconditionFailed')).toHaveLength(7)
  })

  test('a reader keeps the version it opened while the object is replaced', async () => {
    const first = Buffer.alloc(8 * mib, 1)
    await put('r/replaced', first)
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: 'r/replaced' }))
    await put('r/replaced', Buffer.alloc(8 * mib, 2))
    const bytes = Buffer.from(await Body!.transformToByteArray())
    expect(bytes.equals(first)).toBe(true)
  })
})
