import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { createApiClient } from '../../../shared/api-client.ts'

test('an answer without an end is given up after a mebibyte, and is no answer', async () => {
  let sent = 0
  const server = createServer((_request, response) => {
    const piece = Buffer.alloc(64 * 1024, 'x')
    const more = () => {
      while (!response.destroyed) {
        sent += piece.length
        if (!response.write(piece)) return
      }
    }
    response.on('drain', more)
    more()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = createApiClient({ timeoutSeconds: 60, tries: 1, base: 0.01, cap: 0.01 })
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const { signal } = new AbortController()
    const request = { name: 'complete', method: 'POST', url, headers: {}, secret: 's', signal } as const
    expect(await client.once(request)).toEqual({ status: 0, text: '', problem: 'answer too long' })
    await expect(client.insist(request)).rejects.toMatchObject({ code: 'api_unavailable' })
    expect(sent).toBeLessThan(64 * 2 ** 20)
  } finally {
    client.close()
    server.closeAllConnections()
    server.close()
  }
})
