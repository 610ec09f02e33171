import { closeSync, createReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Fault } from '../faults.ts'

/** An answer as data, so that faults can replace or cut it before it is sent. */
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | FileSlice
}

/** Bytes `start` to `end` (inclusive) of an open file; whoever sends or drops the reply closes it. */
export interface FileSlice {
  readonly fd: number
  readonly start: number
  readonly end: number
}

export function xmlReply(body: string, headers: Record<string, string> = {}): Reply {
  return { status: 200, headers: { 'Content-Type': 'application/xml', ...headers }, body }
}

export function dropReply(reply: Reply): void {
  if (typeof reply.body === 'object') closeSync(reply.body.fd)
}

/** Sends the reply, or of its body the first `fault.afterBytes`; resolves the body bytes sent. */
export async function sendReply(
  response: ServerResponse,
  reply: Reply,
  isHead: boolean,
  fault?: Fault,
): Promise<number> {
  const { body } = reply
  const length = typeof body === 'object' ? body.end - body.start + 1 : Buffer.byteLength(body ?? '')
  // No length with 204 and 304: they have no body by definition.
  const bodiless = reply.status === 204 || reply.status === 304
  const headers = bodiless ? reply.headers : { ...reply.headers, 'Content-Length': `${length}` }
  response.writeHead(reply.status, headers)
  if (typeof body !== 'object') {
    response.end(isHead ? undefined : body)
    return isHead ? 0 : length
  }
  if (isHead || length === 0) {
    dropReply(reply)
    response.end()
    return 0
  }
  const cut = fault?.afterBytes === undefined ? length : Math.min(fault.afterBytes, length)
  if (cut === 0) {
    dropReply(reply)
    response.flushHeaders()
  } else {
    const source = createReadStream('', {
      fd: body.fd,
      start: body.start,
      end: body.start + cut - 1,
      highWaterMark: 256 * 1024,
    })
    if (fault?.flip !== undefined) await pipeline(source, flipped(fault.flip - body.start), response)
    else await pipeline(source, response, { end: fault === undefined })
  }
  if (fault?.reset) response.socket?.destroy()
  return cut
}

/** Passes bytes on, the one at `place` with all its bits turned. */
function flipped(place: number): Transform {
  let passed = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      const at = place - passed
      passed += chunk.length
      if (at >= 0 && at < chunk.length) chunk[at]! ^= 0xff
      callback(null, chunk)
    },
  })
}
