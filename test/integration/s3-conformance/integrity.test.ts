import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, describe, expect, test } from '@jest/globals'
import { sleep } from '../../../shared/time.ts'
import { failure, mib, openBench } from './bench.ts'

const { dir, s3, Bucket, client, connect, put, close } = await openBench()
afterAll(close)

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

function later(ms: number): Promise<string> {
  return sleep(ms, { signal: new AbortController().signal }).then(() => 'silent')
}

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let n = 0; ; n++) {
    try {
      return await check()
    } catch (error) {
      if (n === 1000) throw error
      await later(20)
    }
  }
}
