import { DeleteObjectsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { afterAll, describe, expect, test } from '@jest/globals'
import { failure, openBench } from './bench.ts'

const { s3, Bucket, client, put, close } = await openBench()
afterAll(close)

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
