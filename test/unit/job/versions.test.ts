import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createLogger } from '../../../shared/logger.ts'
import { removeOlderVersions } from '../../../worker/job/versions.ts'
import { FileStorage } from './file-storage.ts'

const root = 'tenants/1/video/hls/2/'
const { signal } = new AbortController()
const logger = createLogger({ level: 'silent', pretty: false }, {})
const folderOf = (version: string) => `${root}${version.repeat(8)}-0000-0000-0000-000000000000/`
let dir = ''
let storage: FileStorage
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'versions-test-'))
  storage = new FileStorage(dir)
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** A version whose master was written so many hours ago. */
async function version(name: string, hours: number, files: string[] = []): Promise<void> {
  for (const file of ['master.m3u8', '720p/seg-00000.m4s', ...files]) {
    await storage.put(folderOf(name) + file, 'x', { contentType: 'text/plain', signal })
    const seconds = Date.now() / 1000 - hours * 3600
    await utimes(join(dir, folderOf(name), file), seconds, seconds)
  }
}
async function left(): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of storage.list(root)) keys.push(key)
  return keys.map((key) => key[root.length] + key.slice(key.indexOf('/', root.length))).sort()
}
const tidy = (keep: number) => removeOlderVersions(storage, root, folderOf('c'), keep, { signal, logger })
const whole = (name: string) => [`${name}/720p/seg-00000.m4s`, `${name}/master.m3u8`]

test('the newest versions are kept, older ones go', async () => {
  await version('a', 9)
  await version('b', 5)
  await version('c', 0)
  await tidy(1)
  expect(await left()).toEqual([...whole('b'), ...whole('c')])
})

test('a version whose job may still be reporting is left as it is', async () => {
  await version('a', 23, ['.work/plan.json'])
  await version('c', 0)
  await tidy(0)
  expect(await left()).toEqual(['a/.work/plan.json', ...whole('a'), ...whole('c')])
})

test('a ledger that was left over for a day goes, of a kept version too; its folder the next time', async () => {
  await version('a', 26, ['.work/plan.json'])
  await version('b', 25, ['.work/chunk-00000.json'])
  await version('c', 0)
  await tidy(1)
  expect(await left()).toEqual([...whole('a'), ...whole('b'), ...whole('c')])
  await tidy(1)
  expect(await left()).toEqual([...whole('b'), ...whole('c')])
})

test('a job that has published nothing yet is left alone, however old', async () => {
  await version('c', 0)
  await storage.put(`${folderOf('d')}.work/plan.json`, '{}', { contentType: 'application/json', signal })
  await tidy(0)
  expect(await left()).toEqual([...whole('c'), 'd/.work/plan.json'])
})
