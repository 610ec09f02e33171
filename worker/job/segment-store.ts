import { appendFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SegmentStorage } from '../chunk/ledger.ts'
import type { PlaylistSegment } from '../media/playlist.ts'
import { writeBeside } from './made-files.ts'
import type { Uploader } from './upload.ts'

export interface FinishedSegment {
  readonly track: string
  /** Its file, closed by ffmpeg. */
  readonly path: string
  /** Its name in the bucket, if it is an object of its own. */
  readonly name: string
  readonly bytes: Buffer
  /** Whether `bytes` are what the file holds. */
  readonly asWritten: boolean
}

/** Where segments go while ffmpeg writes the next ones. */
export interface SegmentStore {
  /** Takes a segment's file over, in the order of the playlist. Says where its bytes will be found. */
  keep(segment: FinishedSegment): Promise<Pick<PlaylistSegment, 'uri' | 'offset'>>
  /** An init segment, always an object of its own. */
  keepInit(track: string, name: string, path: string, bytes: number): void
  /** After the last segment: resolves once all is in the bucket. */
  stored(): Promise<void>
}

export interface StoreInput {
  readonly storage: SegmentStorage
  readonly uploader: Uploader
  /** The key of one of a track's files. */
  key(track: string, file: string): string
  /** Name of each track's object with `byterange`; of a second one it is `name-1`. */
  readonly objectName: string
}

/**
 * Bytes after which a track's object is closed and goes up. A chunk of two minutes stays below; the sound of a whole
 * day is cut, since Cloudflare caches objects up to 512 MB (hls-rules.md 10).
 */
const mostBytes = 128 * 2 ** 20

export function openSegmentStore(input: StoreInput, objectBytes = mostBytes): SegmentStore {
  const uploads: Promise<void>[] = []
  /** By track: the object that grows on scratch, with `byterange`. */
  const objects = new Map<string, { name: string; path: string; bytes: number; number: number }>()

  function upload(track: string, name: string, path: string, bytes: number): void {
    uploads.push(
      new Promise((resolve) => {
        const key = input.key(track, name)
        input.uploader.add({ path, key, bytes, removeAfter: true, onDone: () => resolve() })
      }),
    )
  }

  async function keepFile({ track, name, path, bytes, asWritten }: FinishedSegment) {
    if (!asWritten) await writeBeside(path, bytes)
    upload(track, name, path, bytes.length)
    return { uri: name }
  }

  async function keepRange({ track, path, bytes }: FinishedSegment) {
    let object = objects.get(track)
    if (!object || (object.bytes > 0 && object.bytes + bytes.length > objectBytes)) {
      if (object) upload(track, object.name, object.path, object.bytes)
      const number = object ? object.number + 1 : 0
      const name = number === 0 ? input.objectName : input.objectName.replace('.', `-${number}.`)
      object = { name, path: join(path, '..', name), bytes: 0, number }
      objects.set(track, object)
    }
    const offset = object.bytes
    await appendFile(object.path, bytes)
    await rm(path)
    object.bytes += bytes.length
    return { uri: object.name, offset }
  }

  return {
    keep: input.storage === 'files' ? keepFile : keepRange,
    keepInit: upload,
    async stored() {
      for (const [track, { name, path, bytes }] of objects) upload(track, name, path, bytes)
      await Promise.all(uploads)
    },
  }
}
