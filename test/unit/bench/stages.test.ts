import { expect, test } from '@jest/globals'
import { stageTimes } from '../../bench/stages.ts'
import type { TimedJob, WorkerLine } from '../../bench/timed.ts'

const at = (seconds: number) => new Date(seconds * 1000).toISOString()
const line = (seconds: number, worker: string, fields: Record<string, unknown>) =>
  ({ level: 'debug', worker, time: at(seconds), ...fields }) as unknown as WorkerLine

/** A part's lines: received at `start`, its ffmpeg half a second later, settled half a second after that. */
const part = (worker: string, name: string, start: number, encode: number) => [
  line(start + 0.5, worker, { part: name, msg: 'tool starts' }),
  line(start + 0.5 + encode, worker, { part: name, msg: 'tool ended' }),
  line(start + 1 + encode, worker, { part: name, msg: 'job settled', seconds: 1 + encode }),
]
const job = (lines: WorkerLine[], toCallback: number): TimedJob => ({
  ...{ jobId: 'j', folder: 'f/', body: {}, sentMs: 0, toCallback, toSettled: toCallback, lines },
})
const sent = line(2, 'a', { msg: 'parts sent to the fleet' })

test('one worker: what is not encode is of the parts, plan and join are before and behind them', () => {
  const lines = [
    sent,
    ...part('a', 'chunk-0', 3, 10),
    ...part('a', 'chunk-1', 15, 10),
    ...part('a', 'audio-0', 26, 2),
  ]
  // Three seconds around the encodes and one between two parts.
  expect(stageTimes(job(lines, 30), 40)).toEqual({
    ...{ parts: 3, plan: 2, part: 4 / 3, chunkRate: 0.5, audioRate: 0.05, join: 1 },
  })
})

test('two workers: each one’s own time counts', () => {
  const lines = [
    sent,
    ...part('a', 'chunk-0', 3, 10),
    ...part('b', 'chunk-1', 3, 10),
    ...part('b', 'audio-0', 14, 2),
  ]
  expect(stageTimes(job(lines, 18), 40)).toMatchObject({ part: 1, join: 1 })
})

test('a log without parts is no shared video', () => {
  expect(() => stageTimes(job([sent], 1), 40)).toThrow('no parts')
})
