import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type S3Server, startS3 } from '../local/s3/server.ts'

/** Holds the embedded S3 server to what the real client expects of S3 and R2. */

let dir: string
let s3: S3Server
let client: S3Client
let Bucket: string
const mib = 1024 ** 2
const clients: S3Client[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 's3-conformance-'))
  s3 = await startS3({ dir, publicRead: (key) => key.startsWith('public/') })
  Bucket = s3.bucket
  client = connect()
})

afterAll(async () => {
  for (const each of clients) each.destroy()
  await s3.close()
  await rm(dir, { recursive: true, force: true })
})

function connect(overrides: Partial<S3ClientConfig> = {}): S3Client {
  const made = new S3Client({
    endpoint: s3.endpoint,
    region: 'auto',
    credentials: { accessKeyId: s3.accessKey, secretAccessKey: s3.secretKey },
    forcePathStyle: true,
    maxAttempts: 1,
    ...overrides,
  })
  clients.push(made)
  return made
}

async function put(Key: string, Body: string | Buffer, more: object = {}): Promise<string> {
  const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))
  return ETag!
}

async function get(Key: string, more: object = {}): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, ...more }))
  return Buffer.from(await Body!.transformToByteArray())
}

/** The error that the client threw, as the code and status that it read from the answer. */
async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no failure'
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } }
    return `${$metadata?.httpStatusCode} ${name}`
  }
}

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
    const Body = Readable.from(
      (function* () {
        for (let n = 0; n < 200; n++) yield block
      })(),
    )
    const before = process.memoryUsage().rss
    await client.send(
      new PutObjectCommand({ Bucket, Key: 'large', Body, ContentLength: bytes, ContentType: 'video/mp4' }),
    )
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: 'large' }))
    let read = 0
    for await (const chunk of answer.Body as Readable) read += (chunk as Buffer).length
    expect(read).toBe(bytes)
    expect(process.memoryUsage().rss - before).toBeLessThan(120 * mib)
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

describe('integrity', () => {
  test.each(['CRC32', 'CRC32C', 'SHA1', 'SHA256'] as const)(
    '%s checksums are verified',
    async (algorithm) => {
      await put('i/sum', 'content', { ChecksumAlgorithm: algorithm })
      const name = `Checksum${algorithm}`
      expect(await failure(put('i/sum', 'content', { [name]: 'AAAAAA==' }))).toBe('400 BadDigest')
      const head = new HeadObjectCommand({ Bucket, Key: 'i/sum', ChecksumMode: 'ENABLED' })
      expect(await client.send(head)).toHaveProperty(name)
    },
  )

  test('a streamed body with its checksum in a trailer is verified', async () => {
    const path = join(dir, 'streamed')
    await writeFile(path, randomBytes(3 * mib))
    await client.send(
      new PutObjectCommand({ Bucket, Key: 'i/stream', Body: createReadStream(path), ContentLength: 3 * mib }),
    )
    const { ContentLength, ContentEncoding } = await client.send(
      new HeadObjectCommand({ Bucket, Key: 'i/stream' }),
    )
    expect(ContentLength).toBe(3 * mib)
    expect(ContentEncoding).toBeUndefined()
  })

  test('a wrong Content-MD5 is refused and nothing is stored', async () => {
    const ContentMD5 = createHash('md5').update('something else').digest('base64')
    expect(await failure(put('i/md5', 'content', { ContentMD5 }))).toBe('400 BadDigest')
    expect(await failure(put('i/md5', 'content', { ContentMD5: 'nonsense' }))).toBe('400 InvalidDigest')
    expect(s3.keys('i/md5')).toEqual([])
  })

  test('a body that does not match its signed hash is refused', async () => {
    const tampering = connect({ requestChecksumCalculation: 'WHEN_REQUIRED' })
    tampering.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body: unknown }
        request.body = Buffer.from('tampered')
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low', name: 'tamper' },
    )
    const command = new PutObjectCommand({ Bucket, Key: 'i/tampered', Body: 'original' })
    expect(await failure(tampering.send(command))).toBe('400 XAmzContentSHA256Mismatch')
  })

  test('an upload that breaks off leaves nothing behind', async () => {
    const abort = new AbortController()
    async function* body() {
      yield Buffer.alloc(mib)
      abort.abort()
      yield Buffer.alloc(mib)
    }
    const command = new PutObjectCommand({
      Bucket,
      Key: 'i/broken',
      Body: Readable.from(body()),
      ContentLength: 2 * mib,
    })
    await expect(client.send(command, { abortSignal: abort.signal })).rejects.toThrow()
    await eventually(async () => expect(await readdir(join(dir, '.incoming'))).toEqual([]))
    expect(s3.keys('i/broken')).toEqual([])
  })
})

describe('signatures', () => {
  test('a wrong secret, an unknown key and no key are told apart', async () => {
    const wrong = connect({ credentials: { accessKeyId: s3.accessKey, secretAccessKey: 'wrong' } })
    const unknown = connect({ credentials: { accessKeyId: 'unknown', secretAccessKey: s3.secretKey } })
    const list = new ListObjectsV2Command({ Bucket })
    expect(await failure(wrong.send(list))).toBe('403 SignatureDoesNotMatch')
    expect(await failure(unknown.send(list))).toBe('403 InvalidAccessKeyId')
    expect((await fetch(`${s3.endpoint}/${Bucket}/a/plain.txt`)).status).toBe(403)
  })

  test('a clock that is far off is refused', async () => {
    const late = connect({ systemClockOffset: -20 * 60_000 })
    // The client corrects its clock from the answer; one try must not succeed.
    expect(await failure(late.send(new ListObjectsV2Command({ Bucket })))).toBe('403 RequestTimeTooSkewed')
  })

  test('a presigned URL reads and writes, until it expires', async () => {
    const url = s3.presign('p/ä b+c.txt', { method: 'PUT', expiresSeconds: 60 })
    expect((await fetch(url, { method: 'PUT', body: 'signed' })).status).toBe(200)
    const read = s3.presign('p/ä b+c.txt', { expiresSeconds: 60 })
    expect(await (await fetch(read, { headers: { Range: 'bytes=0-2' } })).text()).toBe('sig')
    expect((await fetch(`${read}0`)).status).toBe(403)
    expect((await fetch(read, { method: 'PUT', body: 'x' })).status).toBe(403)
    const minutesAgo = new Date(Date.now() - 120_000)
    const old = await fetch(s3.presign('p/ä b+c.txt', { expiresSeconds: 60, at: minutesAgo }))
    expect(old.status).toBe(403)
    expect(await old.text()).toContain('Request has expired')
  })

  test("the client's own presigning is accepted", async () => {
    await put('p/own', 'mine')
    const { config } = client
    const signer = (await config.signer!({
      name: 'sigv4',
      signingName: 's3',
      signingRegion: 'auto',
      properties: {},
    })) as unknown as {
      presign(request: object, options: object): Promise<{ query: Record<string, string> }>
    }
    const { host, hostname, port } = new URL(s3.endpoint)
    const request = {
      method: 'GET',
      protocol: 'http:',
      hostname,
      port: Number(port),
      path: `/${Bucket}/p/own`,
      query: { 'response-content-disposition': 'attachment; filename="a b.txt"' },
      headers: { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    }
    const { query } = await signer.presign(request, {
      expiresIn: 60,
      unsignableHeaders: new Set(['x-amz-content-sha256']),
      unhoistableHeaders: new Set(['x-amz-content-sha256']),
    })
    const search = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    const answer = await fetch(`${s3.endpoint}/${Bucket}/p/own?${search.join('&')}`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="a b.txt"')
  })

  test('public keys may be read, not written, by anyone on any page', async () => {
    await put('public/page.m3u8', '#EXTM3U')
    const url = `${s3.endpoint}/${Bucket}/public/page.m3u8`
    const answer = await fetch(url, { headers: { Origin: 'http://127.0.0.1:1' } })
    expect(await answer.text()).toBe('#EXTM3U')
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(403)
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { Origin: 'http://127.0.0.1:1', 'Access-Control-Request-Headers': 'range' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('range')
  })
})

describe('listing', () => {
  test('pages by continuation, in the order of UTF-8 bytes', async () => {
    const names = ['b', 'a', 'a/1', 'a-1', 'Z', 'é', '🎬', '\uffee'].map((name) => `list/${name}`)
    for (const name of names) await put(name, name)
    const inOrder = [...names].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
    const seen: string[] = []
    let ContinuationToken: string | undefined
    let pages = 0
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket, Prefix: 'list/', MaxKeys: 3, ContinuationToken }),
      )
      seen.push(...page.Contents!.map((item) => item.Key!))
      expect(page.KeyCount).toBe(page.Contents!.length)
      ContinuationToken = page.NextContinuationToken
      pages += 1
    } while (ContinuationToken)
    expect(seen).toEqual(inOrder)
    expect(pages).toBe(3)
  })

  test('folds folders by delimiter, also across pages', async () => {
    for (const name of ['x/1', 'x/2', 'y', 'z/1/1', 'z/2']) await put(`fold/${name}`, '')
    const seen: string[] = []
    let ContinuationToken: string | undefined
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket, Prefix: 'fold/', Delimiter: '/', MaxKeys: 1, ContinuationToken }),
      )
      seen.push(...(page.Contents ?? []).map((item) => item.Key!))
      seen.push(...(page.CommonPrefixes ?? []).map((item) => item.Prefix!))
      ContinuationToken = page.NextContinuationToken
    } while (ContinuationToken)
    expect(seen).toEqual(['fold/x/', 'fold/y', 'fold/z/'])
    const after = new ListObjectsV2Command({ Bucket, Prefix: 'fold/', StartAfter: 'fold/y' })
    expect((await client.send(after)).Contents!.map((item) => item.Key)).toEqual(['fold/z/1/1', 'fold/z/2'])
  })
})

describe('deleting a batch', () => {
  test('answers for each key, and reports those that failed', async () => {
    for (const name of ['1', '2', '3']) await put(`batch/${name}`, name)
    s3.faults.failNext({ operation: 'DeleteObjects.Key', key: 'batch/2' }, { status: 500 })
    const Objects = ['1', '2', '3', 'never-was'].map((name) => ({ Key: `batch/${name}` }))
    const answer = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    expect(answer.Deleted!.map((item) => item.Key)).toEqual(['batch/1', 'batch/3', 'batch/never-was'])
    expect(answer.Errors).toMatchObject([{ Key: 'batch/2', Code: 'InternalError' }])
    expect(s3.keys('batch/')).toEqual(['batch/2'])
  })

  test('of more than a thousand is refused', async () => {
    const Objects = Array.from({ length: 1001 }, (_, n) => ({ Key: `none/${n}` }))
    const command = new DeleteObjectsCommand({ Bucket, Delete: { Objects } })
    expect(await failure(client.send(command))).toBe('400 MalformedXML')
  })
})

describe('multipart', () => {
  test('lib-storage uploads parts at once and the bytes are the same', async () => {
    const body = randomBytes(17 * mib)
    const path = join(dir, 'multi')
    await writeFile(path, body)
    const params = { Bucket, Key: 'm/lib', Body: createReadStream(path), ContentType: 'video/mp4' }
    const done = await new Upload({ client, params, partSize: 5 * mib, queueSize: 3 }).done()
    expect(done.ETag).toMatch(/^"[0-9a-f]{32}-4"$/)
    expect((await get('m/lib')).equals(body)).toBe(true)
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'm/lib' }))
    expect(head).toMatchObject({ ContentType: 'video/mp4', ContentLength: 17 * mib })
  })

  async function start(Key: string) {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    const part = async (PartNumber: number, Body: Buffer) => {
      const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }))
      return { PartNumber, ETag }
    }
    const complete = (Parts: { PartNumber: number; ETag: string | undefined }[], more: object = {}) =>
      client.send(
        new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }),
      )
    const abort = () => client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
    return { UploadId, part, complete, abort }
  }

  test('parts may come in any order, be replaced and be listed', async () => {
    const { UploadId, part, complete } = await start('m/order')
    const second = await part(2, Buffer.from('tail'))
    await part(1, Buffer.alloc(5 * mib, 1))
    const first = await part(1, Buffer.alloc(5 * mib, 2))
    const listed = await client.send(new ListPartsCommand({ Bucket, Key: 'm/order', UploadId, MaxParts: 1 }))
    expect(listed).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '1' })
    expect(listed.Parts).toMatchObject([{ PartNumber: 1, Size: 5 * mib, ETag: first.ETag }])
    await complete([first, second])
    const bytes = await get('m/order')
    expect([bytes.length, bytes[0], bytes.subarray(5 * mib).toString()]).toEqual([5 * mib + 4, 2, 'tail'])
  })

  test('small, unequal, unknown, unordered parts are refused', async () => {
    const { part, complete, abort } = await start('m/bad')
    const small = await part(1, Buffer.from('small'))
    const large = await part(2, Buffer.alloc(6 * mib))
    const end = await part(3, Buffer.from('end'))
    expect(await failure(complete([small, large]))).toBe('400 EntityTooSmall')
    expect(await failure(complete([large, { ...end, ETag: '"wrong"' }]))).toBe('400 InvalidPart')
    expect(await failure(complete([end, large]))).toBe('400 InvalidPartOrder')
    const larger = await part(3, Buffer.alloc(7 * mib))
    expect(await failure(complete([large, larger]))).toBe('400 InvalidPart')
    await abort()
  })

  test('aborting removes the parts, and nothing is left of any upload', async () => {
    const { part, abort } = await start('m/aborted')
    await part(1, Buffer.alloc(mib))
    await abort()
    expect(await failure(part(2, Buffer.alloc(mib)))).toBe('404 NoSuchUpload')
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket }))
    expect(uploads.Uploads ?? []).toEqual([])
    expect(await readdir(join(dir, '.incoming'))).toEqual([])
  })

  test('completing honours If-None-Match: *', async () => {
    await put('m/there', 'first')
    const { part, complete, abort } = await start('m/there')
    const only = await part(1, Buffer.from('second'))
    expect(await failure(complete([only], { IfNoneMatch: '*' }))).toBe('412 PreconditionFailed')
    await abort()
    expect((await get('m/there')).toString()).toBe('first')
  })
})

describe('faults on request', () => {
  test('hit the requests they name, as often as they say', async () => {
    const fault = s3.faults.failNext({ operation: 'GetObject', key: /^f\// }, { status: 503, times: 2 })
    await put('f/x', 'x')
    expect(await failure(get('f/x'))).toBe('503 SlowDown')
    expect(await failure(get('a/plain.txt'))).toBe('no failure')
    expect(await failure(get('f/x'))).toBe('503 SlowDown')
    expect(await failure(get('f/x'))).toBe('no failure')
    expect(fault.hits()).toBe(2)
  })

  test('reset cuts at once or in mid-body, after has the effect without the answer', async () => {
    s3.faults.failNext({ key: 'f/cut' }, { reset: true })
    expect(await failure(put('f/cut', 'x'))).toMatch(/^undefined/)
    s3.faults.failNext({ method: 'PUT', key: 'f/lost' }, { reset: true, when: 'after' })
    expect(await failure(put('f/lost', 'kept'))).toMatch(/^undefined/)
    expect(s3.keys('f/')).toEqual(['f/lost', 'f/x'])
    await put('f/big', Buffer.alloc(mib))
    s3.faults.failNext({ key: 'f/big' }, { reset: true, afterBytes: 1000 })
    await expect(get('f/big')).rejects.toThrow()
  })

  test('stall never answers', async () => {
    s3.faults.failNext({ key: 'f/x' }, { stall: true })
    const abort = new AbortController()
    const waiting = client.send(new GetObjectCommand({ Bucket, Key: 'f/x' }), { abortSignal: abort.signal })
    const winner = await Promise.race([waiting.catch(() => 'answered'), later(100)])
    abort.abort()
    await expect(waiting).rejects.toThrow()
    expect(winner).toBe('silent')
  })
})

describe('the rest', () => {
  test('what the server does not know is a 501, never a wrong answer', async () => {
    expect(await failure(client.send(new GetObjectAclCommand({ Bucket, Key: 'a/plain.txt' })))).toBe(
      '501 NotImplemented',
    )
    const CopySource = `${Bucket}/a/plain.txt`
    const copy = new CopyObjectCommand({ Bucket, Key: 'copy', CopySource })
    expect(await failure(client.send(copy))).toBe('501 NotImplemented')
    const old = new ListObjectsCommand({ Bucket })
    expect(await failure(client.send(old))).toBe('501 NotImplemented')
  })

  test('each new object is announced once', async () => {
    const seen: string[] = []
    const other = await startS3({ dir: join(dir, 'events'), onObjectCreated: ({ key }) => seen.push(key) })
    const url = other.presign('videos/1_a.mp4', { method: 'PUT', expiresSeconds: 60 })
    await fetch(url, { method: 'PUT', body: 'x' })
    await fetch(`${url}0`, { method: 'PUT', body: 'x' })
    expect(seen).toEqual(['videos/1_a.mp4'])
    await other.close()
  })
})

function later(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve('silent'), ms))
}

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let n = 0; ; n++) {
    try {
      return await check()
    } catch (error) {
      if (n === 50) throw error
      await later(20)
    }
  }
}
