import { afterEach, expect, test } from '@jest/globals'
import { WorkerError } from '../../../shared/errors.ts'
import { createLogger } from '../../../shared/logger.ts'
import { createLateEnds, type LateEnds } from '../../../worker/late-ends.ts'

const logger = createLogger({ level: 'silent', pretty: false }, {})
const away = new WorkerError('redis_unavailable', 'no connection')
let ends: LateEnds
afterEach(() => ends.close())

test('ends that Redis did not take are written in their order when it does, each once', async () => {
  const written: string[] = []
  let open = false
  const all = Promise.withResolvers<void>()
  const write = (job: string) => async () => {
    if (!open) throw away
    written.push(job)
    if (job === 'c') all.resolve()
  }
  ends = createLateEnds(logger, { retryMs: 1 })
  for (const job of ['a', 'b', 'c']) ends.add(job, write(job))
  setTimeout(() => {
    open = true
  }, 10)
  await all.promise
  await ends.close()
  expect(written).toEqual(['a', 'b', 'c'])
})

test('an end that is somebody else’s by now does not stand in the way of the next', async () => {
  const written: string[] = []
  ends = createLateEnds(logger, { retryMs: 3_600_000 })
  ends.add('a', async () => {
    throw new WorkerError('lease_lost', 'the job is done')
  })
  ends.add('b', async () => void written.push('b'))
  await ends.close()
  expect(written).toEqual(['b'])
})

test('an end that Redis answers and does not take stands in nobody’s way but its own job’s', async () => {
  const written: string[] = []
  const cause = Object.assign(new Error('WRONGTYPE'), { name: 'ReplyError' })
  ends = createLateEnds(logger, { retryMs: 3_600_000 })
  ends.add('a', async () => {
    throw new WorkerError('redis_unavailable', 'WRONGTYPE', { cause })
  })
  ends.add('b', async () => void written.push('b'))
  ends.add('a', async () => void written.push('a, out of order'))
  ends.add('c', async () => void written.push('c'))
  await ends.close()
  expect(written).toEqual(['b', 'c'])
})
