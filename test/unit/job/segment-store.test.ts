import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { SegmentStorage } from '../../../worker/chunk/ledger.ts'
import { openSegmentStore } from '../../../worker/job/segment-store.ts'
import type { Uploader, UploadItem } from '../../../worker/job/upload.ts'

let dir: string
let sent: Map<string, string>
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'store-test-'))
  sent = new Map()
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** Stores at once what it is given, under its key. */
const uploader = {
  add({ path, key, onDone, bytes }: UploadItem) {
    void readFile(path, 'utf8').then((text) => {
      expect(text).toHaveLength(bytes!)
      sent.set(key, text)
      onDone?.(text.length)
    })
  },
} as Uploader

const open = (storage: SegmentStorage, objectBytes?: number) =>
  openSegmentStore(
    {
      ...{ storage, uploader, objectName: 'chunk-00003.m4s' },
      key: (track, file) => `${track}/${file}`,
    },
    objectBytes,
  )

async function keep(store: ReturnType<typeof open>, number: number, text: string, written = text) {
  const path = join(dir, `seg-${number}.m4s`)
  await writeFile(path, written)
  const segment = { track: '720p', path, name: `seg-${number}.m4s`, bytes: Buffer.from(text) }
  return store.keep({ ...segment, asWritten: text === written })
}

test('a file a segment: each goes up by itself, as it should be', async () => {
  const store = open('files')
  expect(await keep(store, 0, 'first')).toEqual({ uri: 'seg-0.m4s' })
  expect(await keep(store, 1, 'second', 'header+second')).toEqual({ uri: 'seg-1.m4s' })
  await store.stored()
  expect([...sent].sort()).toEqual([
    ['720p/seg-0.m4s', 'first'],
    ['720p/seg-1.m4s', 'second'],
  ])
})

test('ranges: one object, each segment behind the one before', async () => {
  const store = open('byterange')
  expect(await keep(store, 0, 'first')).toEqual({ uri: 'chunk-00003.m4s', offset: 0 })
  expect(await keep(store, 1, 'second', 'header+second')).toEqual({ uri: 'chunk-00003.m4s', offset: 5 })
  expect(sent.size).toBe(0)
  await store.stored()
  expect([...sent]).toEqual([['720p/chunk-00003.m4s', 'firstsecond']])
})

test('an object that a cache would not take is followed by another one, and goes up at once', async () => {
  const store = open('byterange', 8)
  await keep(store, 0, 'first')
  expect(await keep(store, 1, 'second')).toEqual({ uri: 'chunk-00003-1.m4s', offset: 0 })
  expect(await keep(store, 2, 'third, longer than any')).toEqual({ uri: 'chunk-00003-2.m4s', offset: 0 })
  await store.stored()
  expect([...sent].sort()).toEqual([
    ['720p/chunk-00003-1.m4s', 'second'],
    ['720p/chunk-00003-2.m4s', 'third, longer than any'],
    ['720p/chunk-00003.m4s', 'first'],
  ])
})
