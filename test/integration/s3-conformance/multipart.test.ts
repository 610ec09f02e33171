import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { afterAll, describe, expect, test } from '@jest/globals'
import { failure, mib, openBench } from './bench.ts'

const { dir, Bucket, client, put, get, close } = await openBench()
afterAll(close)

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
