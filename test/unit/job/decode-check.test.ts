import { expect, test } from '@jest/globals'
import { samplesOf } from '../../../worker/job/decode-check.ts'
import type { Chunk } from '../../../worker/media/timeline.ts'

const ladder = ['720p', '480p', '360p'].map((name) => ({ name })) as never
const chunkOf = (index: number, segments: number) =>
  ({ index, segments, firstSegment: index * 20 }) as unknown as Chunk

test('every rendition of the first chunk has a segment that is decoded alone, and one of each later chunk', () => {
  expect([...samplesOf({ ladder }, chunkOf(0, 20)).keys()]).toEqual(['720p', '480p', '360p'])
  const later = Array.from({ length: 30 }, (_, index) => samplesOf({ ladder }, chunkOf(index + 1, 20)))
  expect(new Set(later.flatMap((samples) => [...samples.keys()]))).toEqual(new Set(['720p', '480p', '360p']))
  expect(later.every(({ size }) => size === 1)).toBe(true)
})

test('the segments lie in their chunk and all over it', () => {
  const places = new Set<number>()
  for (let index = 0; index < 60; index++)
    for (const number of samplesOf({ ladder }, chunkOf(index, 20)).values()) {
      expect(number).toBeGreaterThanOrEqual(index * 20)
      expect(number).toBeLessThan(index * 20 + 20)
      places.add(number - index * 20)
    }
  expect(places.size).toBeGreaterThan(15)
  expect([...samplesOf({ ladder }, chunkOf(0, 1)).values()]).toEqual([0, 0, 0])
})
