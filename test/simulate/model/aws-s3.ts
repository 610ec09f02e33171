/** Stands in for the SDK's S3Client under shared/storage-client.ts: the same commands, on the bucket of the world. */
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { type Bucket, refusal } from '../bucket.ts'
import { here } from '../machine.ts'
import { middlewares } from '../middlewares.ts'

interface ClientOptions {
  readonly requestHandler: { readonly requestTimeout: number }
}

interface Read {
  readonly what: string
  readonly detail: string
  effect(): object
}

export class S3Client {
  readonly middlewareStack = middlewares()
  readonly #limitMs: number
  readonly #machine = here()

  constructor({ requestHandler }: ClientOptions) {
    this.#limitMs = requestHandler.requestTimeout
  }

  send(command: { input: object }, { abortSignal }: { abortSignal?: AbortSignal } = {}): Promise<unknown> {
    const { world } = this.#machine
    const { what, detail, effect } = read(command, world.bucket)
    return this.middlewareStack.run(command, () =>
      this.#machine.call<object>({
        ...{ service: 'bucket', what, detail, limitMs: this.#limitMs, signal: abortSignal },
        timedOut: () => refusal('TimeoutError', 0),
        failed: () => refusal('InternalError', 500),
        effect() {
          const answer = effect()
          if (what === 'put') world.watch?.onPut(detail)
          return answer
        },
      }),
    )
  }

  destroy(): void {}
}

function read(command: { input: object }, bucket: Bucket): Read {
  if (command instanceof PutObjectCommand) {
    const { Key = '', Body, IfNoneMatch } = command.input
    const effect = () => {
      const etag = bucket.put(Key, Body as Buffer, { onlyIfAbsent: IfNoneMatch === '*' })
      return { ETag: `"${etag}"` }
    }
    return { what: 'put', detail: Key, effect }
  }
  if (command instanceof GetObjectCommand) {
    const { Key = '', Range, IfMatch } = command.input
    const effect = () => {
      const { body } = bucket.get(Key, IfMatch?.replaceAll('"', ''))
      const [start = 0, end = body.length - 1] =
        /(\d+)-(\d+)/
          .exec(Range ?? '')
          ?.slice(1)
          .map(Number) ?? []
      const part = body.subarray(start, end + 1)
      return { Body: streamOf(part), ContentLength: part.length }
    }
    return { what: 'get', detail: Key, effect }
  }
  if (command instanceof HeadObjectCommand) {
    const { Key = '' } = command.input
    const effect = () => {
      const { body, etag, modifiedMs } = bucket.get(Key)
      return { ContentLength: body.length, ETag: `"${etag}"`, LastModified: new Date(modifiedMs) }
    }
    return { what: 'head', detail: Key, effect }
  }
  if (command instanceof ListObjectsV2Command) {
    const { Prefix = '' } = command.input
    const effect = () => ({
      Contents: bucket.list(Prefix).map((Key) => {
        const { body, etag, modifiedMs } = bucket.get(Key)
        return { Key, Size: body.length, ETag: `"${etag}"`, LastModified: new Date(modifiedMs) }
      }),
    })
    return { what: 'list', detail: Prefix, effect }
  }
  if (command instanceof DeleteObjectsCommand) {
    const keys = (command.input.Delete?.Objects ?? []).map(({ Key = '' }) => Key)
    const effect = () => {
      for (const key of keys) bucket.delete(key)
      return {}
    }
    return { what: 'remove', detail: keys.join(' '), effect }
  }
  throw new Error(`the simulated bucket knows no ${command.constructor.name}`)
}

/** As much of a Readable as shared/storage-attempt.ts reads. */
function streamOf(body: Buffer): AsyncIterable<Buffer> & { destroy(): void } {
  return {
    async *[Symbol.asyncIterator]() {
      yield body
    },
    destroy() {},
  }
}
