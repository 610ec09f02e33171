/** Answers one HTTP request for a source out of its cache, with as little work per byte as Node allows. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BlockCache } from './source-cache.ts'
import type { Fetcher } from './source-fetch.ts'
import { parseRange } from './source-range.ts'

/** Bytes handed to the socket at once: two system calls each; larger gains nothing (measured). */
const chunkBytes = 256 * 1024

export interface Served {
  readonly cache: BlockCache
  readonly fetcher: Fetcher
  onServed(bytes: number): void
}

/**
 * HEAD and GET, whole or one range, as ffmpeg expects of a seekable source. Nothing is sent before the first
 * byte is there, so that a source which already failed is a plain 502; a failure later breaks the connection,
 * since a short body is the only way left to say so. Never rejects.
 */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  source: Served,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end()
    return
  }
  const { bytes } = source.cache
  const range = parseRange(request.headers.range, bytes)
  if (range === 'unsatisfiable') {
    response.writeHead(416, { 'content-range': `bytes */${bytes}`, 'content-length': 0 }).end()
    return
  }
  const { start, end } = range === 'whole' ? { start: 0, end: bytes - 1 } : range
  const head = (): void => {
    response.writeHead(range === 'whole' ? 200 : 206, {
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      'content-length': end - start + 1,
      ...(range === 'whole' ? {} : { 'content-range': `bytes ${start}-${end}/${bytes}` }),
    })
  }
  if (request.method === 'HEAD' || end < start) {
    head()
    response.end()
    return
  }
  await sendBody(response, source, { start, end, head })
}

async function sendBody(
  response: ServerResponse,
  source: Served,
  { start, end, head }: { start: number; end: number; head: () => void },
): Promise<void> {
  const reader = source.fetcher.reader(start, end)
  response.once('close', () => reader.close())
  try {
    await reader.ready()
    head()
    // One buffer a connection, used again as soon as the kernel has taken its bytes: no garbage, no copies.
    const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, end - start + 1))
    while (reader.position() <= end) {
      await reader.ready()
      const wanted = Math.min(buffer.length, end - reader.position() + 1)
      const there = source.cache.available(reader.position(), wanted)
      await source.cache.read(buffer, 0, reader.position(), there)
      await write(response, there === buffer.length ? buffer : buffer.subarray(0, there))
      source.onServed(there)
      reader.moved(there)
    }
    response.end()
  } catch {
    // Either the client has gone (a seek of ffmpeg is just that), or the source failed: failure() knows which.
    if (response.headersSent) response.destroy()
    else if (!response.destroyed) response.writeHead(502, { 'content-length': 0 }).end()
  } finally {
    reader.close()
  }
}

/** Resolves when the kernel has taken the bytes: this is the back-pressure. Rejects when the client has gone. */
function write(response: ServerResponse, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (response.destroyed) {
      reject(new Error('The client has gone'))
      return
    }
    const gone = (): void => reject(new Error('The client has gone'))
    response.once('close', gone)
    response.write(chunk, (error) => {
      response.off('close', gone)
      if (error) reject(error)
      else resolve()
    })
  })
}
