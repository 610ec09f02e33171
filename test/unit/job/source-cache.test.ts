import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { BlockCache, cellBytes } from '../../../worker/job/source-cache.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'source-cache-'))
})
afterEach(async () => {
  await rm(dir, { recursive: true, force: true })
})

test('knows which cells have arrived, up to a short last one', async () => {
  const cache = new BlockCache(dir, 3 * cellBytes + 5)
  await cache.write(1, Buffer.alloc(cellBytes, 1))
  await cache.write(3, Buffer.alloc(5, 3))

  expect([0, 1, 2, 3].map((cell) => cache.has(cell))).toEqual([false, true, false, true])
  expect(cache.available(cellBytes + 10, 100)).toBe(100)
  expect(cache.available(cellBytes + 10, 10 * cellBytes)).toBe(cellBytes - 10)
  expect(cache.available(3 * cellBytes + 1, 100)).toBe(4)
  expect(cache.available(0, 100)).toBe(0)
  await cache.close()
})

test('gives back the bytes of neighbouring cells in one read', async () => {
  const cache = new BlockCache(dir, 2 * cellBytes)
  await cache.write(0, Buffer.concat([Buffer.alloc(cellBytes, 7), Buffer.alloc(cellBytes, 8)]))
  const target = Buffer.alloc(4)
  await cache.read(target, 0, cellBytes - 2, 4)
  expect([...target]).toEqual([7, 7, 8, 8])
  await cache.close()
})

test('has no name on the disk, so that even a killed worker leaves nothing behind', async () => {
  const cache = new BlockCache(dir, cellBytes)
  await cache.write(0, Buffer.alloc(cellBytes))
  expect(await readdir(dir)).toEqual([])
  await cache.close()
})

test('can be closed twice, and reads nothing afterwards', async () => {
  const cache = new BlockCache(dir, cellBytes)
  await Promise.all([cache.close(), cache.close()])
  await expect(cache.read(Buffer.alloc(1), 0, 0, 1)).rejects.toThrow('is closed')
})

test('says that the scratch folder is the problem when it cannot be used', async () => {
  await writeFile(join(dir, 'file'), '')
  expect(() => new BlockCache(join(dir, 'file'), 10)).toThrow(/on the scratch disk \(ENOTDIR\)/)
})
