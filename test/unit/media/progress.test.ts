import { expect, test } from '@jest/globals'
import { type ProgressUpdate, progressReader } from '../../../worker/media/progress.ts'

function read(...pieces: string[]): ProgressUpdate[] {
  const updates: ProgressUpdate[] = []
  const take = progressReader((update) => updates.push(update))
  for (const piece of pieces) take(piece)
  return updates
}

const report = (frame: number, us: string, end = 'continue') =>
  `frame=${frame}\nfps=30.0\nstream_0_0_q=28.0\nout_time_us=${us}\nout_time=00:00:01.00\nspeed=1.52x\nprogress=${end}\n`

test('reads one report', () => {
  expect(read(report(30, '1000000'))).toEqual([{ frame: 30, seconds: 1, speed: 1.52, done: false }])
})

test('reads reports that come in pieces of any size', () => {
  const text = report(30, '1000000') + report(60, '2000000', 'end')
  for (const size of [1, 7, 50]) {
    const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    expect(read(...pieces).map(({ seconds, done }) => [seconds, done])).toEqual([
      [1, false],
      [2, true],
    ])
  }
})

test('N/A, before the first frame, counts as nothing', () => {
  expect(read('frame=0\nout_time_us=N/A\nspeed=N/A\nprogress=continue\n')).toEqual([
    { frame: 0, seconds: 0, speed: 0, done: false },
  ])
})

test('a negative time, before the first picture, counts as nothing', () => {
  expect(read(report(0, '-66000'))[0]?.seconds).toBe(0)
})

test('a report without a frame count, as of sound, still has its time', () => {
  expect(read('out_time_us=2500000\nprogress=end\n')).toEqual([
    { frame: 0, seconds: 2.5, speed: 0, done: true },
  ])
})

test('endless garbage without a line end fills no memory', () => {
  expect(read('x'.repeat(1_000_000), `\n${report(1, '40000')}`)).toHaveLength(1)
})
