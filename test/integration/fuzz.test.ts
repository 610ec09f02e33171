/** A small part of `npm run fuzz`, with the seed of the day it was written: what it finds is found again. */

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { chance } from '../bench/chance.ts'
import { fuzzFiles } from '../fuzz/files.ts'
import { mutate } from '../fuzz/mutate.ts'
import { fuzzParsers } from '../fuzz/parsers.ts'
import { makeSamples } from '../fuzz/samples.ts'
import { scratch } from './media/tools.ts'

let folder: Awaited<ReturnType<typeof scratch>>
beforeAll(async () => {
  folder = await scratch()
})
afterAll(() => folder[Symbol.asyncDispose]())

test('our parsers say what is wrong in their own words, whatever they get', async () => {
  const { runs, findings } = fuzzParsers(await makeSamples(join(folder.dir, 'samples')), 2000, 1)
  expect(findings).toEqual([])
  expect(Object.values(runs)).toEqual(Array(10).fill(2000))
})

test('damaged files end with a plan or with a reason', async () => {
  const { ends, findings } = await fuzzFiles({
    ...{ corpus: undefined, count: 25, seed: 1, signal: AbortSignal.timeout(600_000) },
    folder: join(folder.dir, 'files'),
  })
  expect(findings).toEqual([])
  // Some of each: neither all refused nor all let through.
  expect(ends.planned).toBeGreaterThan(2)
  expect(Object.keys(ends).length).toBeGreaterThan(2)
})

describe('a mutation', () => {
  const [data, other] = [Buffer.alloc(100, 1), Buffer.alloc(50, 2)]

  test('is the same for the same seed, another for another, and leaves the file as it was', () => {
    const of = (seed: number) => mutate(data, other, chance(seed)).data
    expect(of(3)).toEqual(of(3))
    expect(new Set([1, 2, 3, 4].map((seed) => of(seed).toString('hex'))).size).toBeGreaterThan(2)
    expect(data).toEqual(Buffer.alloc(100, 1))
  })

  test('never leaves nothing', () => {
    for (let seed = 0; seed < 500; seed++)
      expect(mutate(data.subarray(0, 1 + (seed % 3)), other, chance(seed)).data.length).toBeGreaterThan(0)
  })
})
