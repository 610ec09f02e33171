/**
 * The source of a job, as ffmpeg sees it: a plain HTTP file on a loopback port under an unguessable path.
 * Behind it the object is read from the bucket by ranges, with retries and a version pin, into a cache on the
 * scratch disk. So ffmpeg starts before the download ends, reads only what it needs, never sees credentials
 * or the bucket's bad moments, and several of its processes share one download.
 */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import type { Backoff } from '../../shared/backoff.ts'
import type { WorkerError } from '../../shared/errors.ts'
import type { Storage } from '../../shared/storage.ts'
import { defaultFetchLimits, type FetchLimits } from './source-fetch.ts'
import { type HandleLimits, OpenSource } from './source-handle.ts'
import { answer } from './source-http.ts'

export interface SourceServer {
  readonly port: number
  /** Throws scratch_full when the cache cannot be created. The caller closes the handle. */
  open(input: SourceInput): SourceHandle
  /** Closes every handle and the port. */
  close(): Promise<void>
}

export interface SourceInput {
  readonly key: string
  readonly bytes: number
  /** Version of the object that all reads are pinned to. */
  readonly etag: string
  /** Folder on the scratch disk for the cache, which grows to `bytes` at most. */
  readonly dir: string
  /** Ends the connections and the requests to the bucket when aborted; the handle still has to be closed. */
  readonly signal: AbortSignal
  /** Told of bytes as they arrive from the bucket. */
  onBytes?(bytes: number): void
  /** Told once, when reading has failed for good: ffmpeg only sees a broken connection, and may even exit 0. */
  onFailure?(error: WorkerError): void
}

export interface SourceHandle {
  readonly url: string
  /** Bytes `start` to `end`, both inclusive, cut at the end of the object: to look at its head. At most 16 MiB. */
  read(start: number, end: number): Promise<Buffer>
  stats(): SourceStats
  /** Milliseconds that the oldest unanswered request to the bucket has waited; 0 without one. */
  waitedMs(): number
  /** Why reads fail, if they do: input_changed, input_missing, storage_unavailable, storage_denied, storage_refused, scratch_full. */
  failure(): WorkerError | undefined
  /**
   * Whether what was read is what the bucket holds, by the MD5 that the ETag of an object written in one piece is.
   * 'unknown' when there is no such, or much of the source was not read. To be asked once, when the tools are done.
   */
  judge(): Promise<'same' | 'garbled' | 'unknown'>
  /** Reads once more what was read so far, up to 64 MiB from both its ends, and compares. */
  readsSame(): Promise<boolean>
  /** Ends the connections, the requests to the bucket and the cache. Safe to call twice, and in mid-read. */
  close(): Promise<void>
}

export interface SourceStats {
  readonly fetchedBytes: number
  readonly servedBytes: number
  /** Ranges begun anew here, on top of the tries that storage makes itself. */
  readonly retries: number
}

export interface SourceOptions {
  /** Listens already, on 127.0.0.1 of a network that only ffmpeg is in; else a free port of this machine’s. */
  readonly listener?: Server | undefined
  readonly limits?: FetchLimits
  /** How long one range may take in all, however often it is begun anew, before the source has failed. */
  readonly patienceMs?: number
  /** Seconds between storage giving up on a range and the range being begun anew. */
  readonly backoff?: Backoff
}

/**
 * Under ENCODE_STALL_SECONDS (120): a bucket that is away must end the job as storage_unavailable, which costs no
 * attempt, and not as a stalled encoder, which does. Storage alone gives up after half a minute of 500s.
 */
const defaultPatienceMs = 100_000

/** The patience that goes with a shorter ENCODE_STALL_SECONDS. */
export function sourcePatienceMs(stallSeconds: number): number {
  return Math.min(defaultPatienceMs, (stallSeconds * 1000 * 5) / 6)
}
const defaultBackoff: Backoff = { base: 1, cap: 10 }

/** Starts the server on a port of 127.0.0.1. It serves the handles that are open, and 404 for the rest. */
export async function startSourceServer(
  storage: Storage,
  options: SourceOptions = {},
): Promise<SourceServer> {
  const limits: HandleLimits = {
    fetch: options.limits ?? defaultFetchLimits,
    patienceMs: options.patienceMs ?? defaultPatienceMs,
    backoff: options.backoff ?? defaultBackoff,
  }
  const handles = new Map<string, OpenSource>()
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    const [, token = '', name, ...rest] = (request.url ?? '').split('/')
    const handle = name === 'source' && rest.length === 0 ? handles.get(token) : undefined
    if (handle) void answer(request, response, handle.attach(response))
    else response.writeHead(404, { 'content-length': 0 }).end()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    if (options.listener) server.listen(options.listener, resolve)
    else server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = (options.listener ?? server).address() as AddressInfo

  return {
    port,
    open(input) {
      const token = randomBytes(24).toString('base64url')
      const source = new OpenSource(storage, input, limits)
      handles.set(token, source)
      return {
        url: `http://127.0.0.1:${port}/${token}/source`,
        read: (start, end) => source.read(start, end),
        stats: () => source.stats(),
        waitedMs: () => source.waitedMs(),
        failure: () => source.failure(),
        judge: () => source.judge(),
        readsSame: () => source.readsSame(),
        close() {
          handles.delete(token)
          return source.close()
        },
      }
    },
    async close() {
      const open = [...handles.values()]
      handles.clear()
      await Promise.all(open.map((source) => source.close()))
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}
