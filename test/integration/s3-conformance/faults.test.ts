import { join } from 'node:path'
import {
  CopyObjectCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  ListObjectsCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sleep } from '../../../shared/time.ts'
import { startS3 } from '../../local/s3/server.ts'
import { failure, mib, openBench } from './bench.ts'

const { dir, s3, Bucket, client, put, get, close } = await openBench()
afterAll(close)

beforeAll(async () => {
  await put('a/plain.txt', 'hello')
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
    await put('f/x', 'x')
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
  return sleep(ms, { signal: new AbortController().signal }).then(() => 'silent')
}
