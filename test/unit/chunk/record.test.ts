import { describe, expect, test } from '@jest/globals'
import { readRecord, writeRecord } from '../../../worker/chunk/record.ts'

const body = {
  jobId: 'a',
  tracks: { '720p': { segments: [{ seconds: 6.006, uri: 'é.m4s' }] } },
  none: undefined,
}

describe('a record of the ledger', () => {
  test('is read as it was written', () => {
    const { record, text } = writeRecord(body)
    expect(record).toMatchObject({ jobId: 'a', version: 1 })
    expect(readRecord(text)).toEqual(record)
  })

  test.each([
    ['cut off', (text: string) => text.slice(0, -9)],
    ['no JSON', () => 'x'],
    ['nothing', () => 'null'],
    ['of another release', (text: string) => text.replace('"version":1', '"version":2')],
    ['changed by hand', (text: string) => text.replace('6.006', '6.007')],
    ['without a digest', (text: string) => text.replace(/,"digest":"[^"]*"/, '')],
  ])('that is %s counts as absent', (_, change) => {
    expect(readRecord(change(writeRecord(body).text))).toBeUndefined()
  })
})
