import { expect, test } from '@jest/globals'
import { figuresOf, type Sample } from '../../bench/tiny.ts'

const run = { jobs: 1000, seconds: 500, cpu: 800 }
/** A worker that begins with 100 MiB and 20 handles and grows by so much a job. */
const worker = (memory: number, handles: number): Sample[] =>
  Array.from({ length: 1001 }, (_, done) => ({
    ...{ done, memory: 100 + done * memory, handles: 20 + done * handles },
  }))

test('a worker that holds what it held is flat, whatever the start of the program costs', () => {
  const cold = worker(0, 0).map((sample) => (sample.done < 100 ? { ...sample, memory: 40 } : sample))
  const figures = figuresOf([cold, worker(0, 0)], run)
  expect(figures.tiny_memory_growth).toMatchObject({ value: 1, met: true })
  expect(figures.tiny_handles_growth).toMatchObject({ value: 0, met: true })
  expect(figures.tiny_jobs_per_second).toMatchObject({ value: 2 })
  expect(figures.tiny_cpu).toMatchObject({ value: 0.8 })
})

test('one worker that keeps a little of every job is found, and a handle of each hundredth', () => {
  const figures = figuresOf([worker(0, 0), worker(0.02, 0.01)], run)
  expect(figures.tiny_memory_growth).toMatchObject({ met: false })
  expect(figures.tiny_handles_growth).toMatchObject({ met: false })
})
