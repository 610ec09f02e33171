import { Transform, type TransformCallback } from 'node:stream'
import { S3Error } from './errors.ts'

/**
 * Takes the `aws-chunked` framing off a body: `{hex size}[;extension]\r\n{data}\r\n … 0\r\n{trailers}\r\n`.
 * The SDK uses it to send a checksum after a streamed body (STREAMING-UNSIGNED-PAYLOAD-TRAILER).
 */
export class ChunkedDecoder extends Transform {
  /** Trailing headers by lower-case name, complete when the stream has ended. */
  readonly trailers = new Map<string, string>()
  #state: 'size' | 'data' | 'data-end' | 'trailers' = 'size'
  #line = ''
  #left = 0
  #finished = false

  override _transform(input: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    try {
      this.#consume(input)
      callback()
    } catch (error) {
      callback(error as Error)
    }
  }

  override _flush(callback: TransformCallback): void {
    // A body that stops in mid-chunk was cut: it must never become an object.
    callback(this.#finished ? null : new S3Error('IncompleteBody', 'The chunked body ended too early'))
  }

  #consume(input: Buffer): void {
    let at = 0
    while (at < input.length) {
      if (this.#state === 'data') {
        const take = Math.min(this.#left, input.length - at)
        this.push(input.subarray(at, at + take))
        this.#left -= take
        at += take
        if (this.#left === 0) this.#state = 'data-end'
        continue
      }
      const end = input.indexOf(0x0a, at)
      const stop = end === -1 ? input.length : end
      this.#line += input.toString('latin1', at, stop)
      at = stop + 1
      if (this.#line.length > 4096) throw new S3Error('InvalidRequest', 'A chunk header is too long')
      if (end === -1) return
      const line = this.#line.replace(/\r$/, '')
      this.#line = ''
      this.#take(line)
    }
  }

  #take(line: string): void {
    if (this.#state === 'data-end') {
      this.#state = 'size'
    } else if (this.#state === 'size') {
      const size = /^([0-9a-f]+)(?:;|$)/i.exec(line)
      if (!size) throw new S3Error('InvalidRequest', 'A chunk size is not a hexadecimal number')
      this.#left = Number.parseInt(size[1]!, 16)
      this.#state = this.#left === 0 ? 'trailers' : 'data'
      // The last chunk may be the end: trailers and the closing empty line are optional for some clients.
      if (this.#left === 0) this.#finished = true
    } else if (line !== '') {
      const colon = line.indexOf(':')
      this.trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
    }
  }
}
