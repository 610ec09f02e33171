import { createHash } from 'node:crypto'

export interface StoredBytes {
  readonly body: Buffer
  readonly etag: string
  readonly modifiedMs: number
}

/** An S3 bucket with strong consistency and conditional writes; the errors are those that its clients know. */
export class Bucket {
  readonly objects = new Map<string, StoredBytes>()
  readonly #wallMs: () => number

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs
  }

  put(key: string, body: Buffer, { onlyIfAbsent = false } = {}): string {
    if (onlyIfAbsent && this.objects.has(key)) throw refusal('PreconditionFailed', 412)
    const etag = createHash('md5').update(body).digest('hex')
    this.objects.set(key, { body, etag, modifiedMs: this.#wallMs() })
    return etag
  }

  get(key: string, etag?: string): StoredBytes {
    const found = this.objects.get(key)
    if (!found) throw refusal('NoSuchKey', 404)
    if (etag !== undefined && etag !== found.etag) throw refusal('PreconditionFailed', 412)
    return found
  }

  text(key: string): string | undefined {
    return this.objects.get(key)?.body.toString('utf8')
  }

  list(prefix: string): string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort()
  }

  delete(key: string): void {
    this.objects.delete(key)
  }
}

/** An answer of S3 or SQS that is an error, as the SDK throws it. */
export function refusal(name: string, status: number, message = name): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } })
}
