import { describe, expect, test } from '@jest/globals'
import { lostPerKill, readLife } from '../../bench/lives.ts'
import type { WorkerLine } from '../../bench/timed.ts'

const at = (seconds: number) => new Date(seconds * 1000).toISOString()
const line = (seconds: number, fields: Record<string, unknown>) =>
  ({ level: 'debug', worker: 'w', time: at(seconds), ...fields }) as unknown as WorkerLine
const starts = (seconds: number, chunk: number) =>
  line(seconds, { msg: 'tool starts', what: 'video', command: `ffmpeg /scratch/job/chunk-${chunk}/720p/x` })
const ends = (seconds: number) => line(seconds, { msg: 'tool ended', what: 'video' })

describe('readLife', () => {
  test('takes whole encodes and the one that was cut off, and no other tools', () => {
    const lines = [
      line(0, { msg: 'tool starts', what: 'audio', command: 'ffmpeg /scratch/job/audio-0/x' }),
      ...[starts(1, 0), line(2, { msg: 'tool ended', what: 'audio' }), ends(11), starts(12, 1)],
    ]
    expect(readLife(lines, 15_000)).toEqual({
      killedMs: 15_000,
      encodes: [
        { chunk: 0, startMs: 1000, seconds: 10 },
        { chunk: 1, startMs: 12_000, seconds: undefined },
      ],
    })
  })

  test('does not guess which chunk it was', () => {
    const odd = line(0, { msg: 'tool starts', what: 'video', command: 'ffmpeg somewhere' })
    expect(() => readLife([odd], undefined)).toThrow('which chunk')
  })
})

describe('lostPerKill', () => {
  const last = readLife([starts(100, 1), ends(110), starts(110, 2), ends(120)], undefined)

  test('counts the time of an encode that was cut off and begun again', () => {
    const first = readLife([starts(0, 0), ends(10), starts(10, 1)], 14_000)
    expect(lostPerKill([first, last])).toEqual([
      { parts: 0.4, begunAgain: 1 },
      { parts: 0, begunAgain: 0 },
    ])
  })

  test('counts a whole chunk that was not stored in time, besides the one in hand', () => {
    const first = readLife([starts(0, 1), ends(10), starts(10, 2)], 12_000)
    expect(lostPerKill([first, last])[0]).toEqual({ parts: 1.2, begunAgain: 2 })
  })

  test('counts nothing when the kill came between two chunks or before the first', () => {
    const between = readLife([starts(0, 0), ends(10)], 12_000)
    expect(lostPerKill([readLife([], 1000), between, last]).map(({ parts }) => parts)).toEqual([0, 0, 0])
  })
})
