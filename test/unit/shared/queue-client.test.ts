import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { GetQueueUrlCommand } from '@aws-sdk/client-sqs'
import { expect, test } from '@jest/globals'
import { createSqsClient } from '../../../shared/queue-client.ts'
import { isTransient } from '../../../shared/queue-errors.ts'

test.each([
  ['stalls', 0],
  ['never ends', 20],
])('an answer whose body %s is given up, and tried again', async (_, trickleMs) => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' })
    response.write('{"QueueUrl": ')
    const trickle = trickleMs > 0 ? setInterval(() => response.write(' '), trickleMs) : undefined
    response.once('close', () => clearInterval(trickle))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = createSqsClient(
    {
      awsRegion: 'eu-central-1',
      queue: {
        ...{ name: 'jobs', deadLetterName: 'dead', waitSeconds: 1 },
        endpoint: `http://127.0.0.1:${port}`,
      },
    },
    { credentials: { accessKeyId: 'local', secretAccessKey: 'local' } },
    300,
  )
  const error = await client.send(new GetQueueUrlCommand({ QueueName: 'jobs' })).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(Error)
  expect(isTransient(error)).toBe(true)
  client.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})
