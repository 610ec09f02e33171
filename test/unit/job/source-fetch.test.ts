import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { BlockCache, cellBytes } from '../../../worker/job/source-cache.ts'
import { Fetcher, type Reader } from '../../../worker/job/source-fetch.ts'

const cells = 64
const limits = { concurrency: 3, requestBytes: 4 * cellBytes, aheadBytes: 16 * cellBytes }

interface Load {
  readonly first: number
  readonly last: number
  finish(error?: Error): void
}

let dir = ''
let cache: BlockCache
let fetcher: Fetcher
let loads: Load[]
let failures: unknown[]
let answerAlone = false
let running = 0
let mostAtOnce = 0

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'source-fetch-'))
  cache = new BlockCache(dir, cells * cellBytes)
  loads = []
  failures = []
  answerAlone = false
  running = 0
  mostAtOnce = 0
  fetcher = new Fetcher({
    cache,
    limits,
    onFailure: (error) => failures.push(error),
    async load(start, end) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const finish = (error?: Error): void => (error ? reject(error) : resolve())
      loads.push({ first: start / cellBytes, last: (end + 1) / cellBytes - 1, finish })
      mostAtOnce = Math.max(mostAtOnce, ++running)
      await (answerAlone ? setImmediate() : promise)
      running--
      return Buffer.alloc(end - start + 1)
    },
  })
})
afterEach(async () => {
  fetcher.stop(new Error('test over'))
  for (const load of loads) load.finish()
  await fetcher.idle()
  await cache.close()
  await rm(dir, { recursive: true, force: true })
})

test('a reader that has read nothing gets the cell it waits for and a little ahead', async () => {
  const reader = fetcher.reader(10 * cellBytes, cells * cellBytes - 1)
  const ready = reader.ready()
  expect(loads.map(({ first, last }) => [first, last])).toEqual([
    [10, 10],
    [11, 11],
  ])
  loads[0]!.finish()
  await ready
  expect(cache.has(10)).toBe(true)
})

test('two readers of the same place share one request', async () => {
  const [one, two] = [fetcher.reader(0, cellBytes - 1), fetcher.reader(0, cellBytes - 1)]
  const both = Promise.all([one.ready(), two.ready()])
  expect(loads).toHaveLength(1)
  loads[0]!.finish()
  await both
})

test('a long sequential read makes large requests, never more at once than allowed, each cell once', async () => {
  await readAll(fetcher.reader(0, cells * cellBytes - 1), cells * cellBytes - 1)
  const fetched = loads.flatMap(({ first, last }) => range(first, last)).sort((a, b) => a - b)
  expect(fetched).toEqual(range(0, cells - 1))
  expect(mostAtOnce).toBeLessThanOrEqual(limits.concurrency)
  expect(Math.max(...loads.map(({ first, last }) => last - first + 1))).toBe(limits.requestBytes / cellBytes)
})

test('nothing is fetched behind the end of what was asked for', async () => {
  await readAll(fetcher.reader(0, 2.5 * cellBytes), 2.5 * cellBytes)
  expect(loads.flatMap(({ first, last }) => range(first, last))).toEqual([0, 1, 2])
})

test('a reader that waits is served before read-ahead: one request is kept free for it', async () => {
  const first = fetcher.reader(0, cells * cellBytes - 1)
  void first.ready().catch(() => {})
  expect(loads).toHaveLength(2)
  const second = fetcher.reader(40 * cellBytes, cells * cellBytes - 1)
  void second.ready().catch(() => {})
  expect(loads.map(({ first }) => first)).toContain(40)
})

test('a reader that is closed fetches nothing more and lets go of who waits', async () => {
  const reader = fetcher.reader(0, cells * cellBytes - 1)
  const ready = reader.ready()
  reader.close()
  await expect(ready).rejects.toThrow('The reader was closed')
  const begun = loads.length
  for (const load of loads) load.finish()
  await fetcher.idle()
  expect(loads).toHaveLength(begun)
})

test('the first failure is told once and is what every reader gets from then on', async () => {
  const [one, two] = [fetcher.reader(0, cells * cellBytes - 1), fetcher.reader(0, cells * cellBytes - 1)]
  const both = Promise.allSettled([one.ready(), two.ready()])
  const [lost, replaced] = [new Error('lost'), new Error('replaced')]
  loads[0]!.finish(lost)
  await both
  loads[1]!.finish(replaced)
  await fetcher.idle()
  expect(failures).toEqual([lost])
  expect(await both).toEqual([
    { status: 'rejected', reason: lost },
    { status: 'rejected', reason: lost },
  ])
  await expect(fetcher.reader(0, 1).ready()).rejects.toBe(lost)
})

/** Reads to the end while every request takes one turn of the event loop. */
async function readAll(reader: Reader, end: number): Promise<void> {
  answerAlone = true
  while (reader.position() <= end) {
    await reader.ready()
    reader.moved(cache.available(reader.position(), Math.min(cellBytes, end - reader.position() + 1)))
  }
  await fetcher.idle()
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
