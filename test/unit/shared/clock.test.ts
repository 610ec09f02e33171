import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { openApi } from '../../../shared/api.ts'
import { openQueue } from '../../../shared/queue.ts'
import { openStorage } from '../../../shared/storage.ts'

// Every service signs for minutes only. Here all servers' clocks are ahead, which is ours behind.
const hours = 5
const aheadMs = hours * 3600_000
const { signal } = new AbortController()

let server: Server
let refused = 0
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** Answers as `refusal` when a request was signed more than five minutes off its own clock, else as `answer`. */
async function serve(
  signedMs: (request: IncomingMessage) => number,
  refusal: { status: number; body: string },
  answer: string,
): Promise<string> {
  refused = 0
  server = createServer((request, response) => {
    request.resume()
    const nowMs = Date.now() + aheadMs
    const off = Math.abs(signedMs(request) - nowMs) > 300_000
    if (off) refused += 1
    const headers = { date: new Date(nowMs).toUTCString(), 'content-type': 'application/x-amz-json-1.0' }
    response.writeHead(off ? refusal.status : 200, headers).end(off ? refusal.body : answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** x-amz-date: 20261121T170000Z. */
function amzDate({ headers }: IncomingMessage): number {
  const text = String(headers['x-amz-date'])
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
}

describe('a clock that is five hours off', () => {
  test('costs the API one refusal: the next try is signed by its clock', async () => {
    const stamp = ({ headers }: IncomingMessage) =>
      1000 * Number(/^t=(\d+)/.exec(String(headers['x-worker-signature']))?.[1])
    const baseUrl = await serve(stamp, { status: 401, body: '{"detail": "wrong signature"}' }, '{"ok": true}')
    const api = openApi({
      workerId: 'late',
      api: {
        ...{ baseUrl, token: 'right', tries: 3, timeoutSeconds: 20, heartbeatSeconds: 20 },
        ...{ backoffBaseSeconds: 0.01, backoffCapSeconds: 0.02 },
      },
      catalog: { baseUrl: '', token: '', keyPrefix: '' },
    })
    const job = { jobId: 'j', videoId: 5 }
    expect(await api.complete(job, { hls_path: 'x', duration: 1 }, signal)).toBe('accepted')
    expect(await api.heartbeat(job, signal)).toBe('ok')
    expect(refused).toBe(1)
    api.close()
  })

  test('a token that is wrong stays wrong', async () => {
    const baseUrl = await serve(() => 0, { status: 401, body: '{}' }, '{}')
    const api = openApi({
      workerId: 'late',
      api: {
        ...{ baseUrl, token: 'wrong', tries: 5, timeoutSeconds: 20, heartbeatSeconds: 20 },
        ...{ backoffBaseSeconds: 0.01, backoffCapSeconds: 0.02 },
      },
      catalog: { baseUrl: '', token: '', keyPrefix: '' },
    })
    const call = api.complete({ jobId: 'j', videoId: 5 }, { hls_path: 'x', duration: 1 }, signal)
    await expect(call).rejects.toMatchObject({ code: 'api_unauthorized' })
    expect(refused).toBe(2)
    api.close()
  })

  test('costs SQS one refusal', async () => {
    const body = JSON.stringify({
      __type: 'com.amazon.coral.service#InvalidSignatureException',
      message: 'Signature expired: 20260101T000000Z is now earlier than 20260101T050000Z (5 min.)',
    })
    const endpoint = await serve(amzDate, { status: 403, body }, '{"QueueUrl": "http://queue"}')
    const queue = await openQueue(
      {
        awsRegion: 'eu-central-1',
        queue: { name: 'jobs', deadLetterName: 'dead', waitSeconds: 1, endpoint },
      },
      signal,
      { credentials: { accessKeyId: 'local', secretAccessKey: 'local' } },
    )
    await queue.extend('handle', 30, signal)
    // Each of the two clients that were used finds out for itself.
    expect(refused).toBe(2)
    queue.close()
  })

  test('costs the bucket one refusal', async () => {
    const body = '<?xml version="1.0"?><Error><Code>RequestTimeTooSkewed</Code><Message>x</Message></Error>'
    const endpoint = await serve(amzDate, { status: 403, body }, '')
    const storage = openStorage(
      { endpoint, accessKey: 'a', secretKey: 'b', bucket: 'c', region: 'auto', prefix: '' },
      { backoff: { base: 0.01, cap: 0.02 } },
    )
    expect(await storage.put('key', 'body', { contentType: 'text/plain', signal })).toBe('stored')
    expect(refused).toBe(1)
    storage.close()
  })
})
