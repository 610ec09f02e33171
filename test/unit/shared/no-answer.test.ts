import { connect } from 'node:net'
import { expect, test } from '@jest/globals'
import { queueError } from '../../../shared/queue-errors.ts'
import { storageError } from '../../../shared/storage-errors.ts'

/** What Node says of a port that nobody listens on: the SDK hands it on as it is. */
function refused(): Promise<Error> {
  return new Promise((resolve) => connect(1, '127.0.0.1').once('error', resolve))
}

test('a queue or bucket without an answer is told by the code of the network error', async () => {
  const error = await refused()
  expect(queueError('find', 'jobs', error).message).toBe('Could not find jobs: no answer (ECONNREFUSED)')
  expect(storageError('look up', 'a.mp4', error).message).toBe(
    'The bucket could not look up a.mp4: no answer (ECONNREFUSED)',
  )
})

test('a named error keeps its name', () => {
  const error = Object.assign(new Error('x'), { name: 'TimeoutError', code: 'ECONNRESET' })
  expect(queueError('find', 'jobs', error).message).toContain('no answer (TimeoutError)')
  expect(storageError('look up', 'a.mp4', error).message).toContain('no answer (TimeoutError)')
})
