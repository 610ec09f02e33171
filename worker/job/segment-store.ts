import { appendFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SegmentStorage } from '../chunk/ledger.ts'
import type { PlaylistSegment } from '../media/playlist.ts'
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
  /** Name of the one object of each track, with `byterange`. */
  readonly objectName: string
}

export function openSegmentStore(input: StoreInput): SegmentStore {
  const uploads: Promise<void>[] = []
  /** By track: the object that grows on scratch, with `byterange`. */
  const objects = new Map<string, { path: string; bytes: number }>()

  function upload(track: string, name: string, path: string, bytes: number): void {
    uploads.push(
      new Promise((resolve) => {
        const key = input.key(track, name)
        input.uploader.add({ path, key, bytes, removeAfter: true, onDone: () => resolve() })
      }),
    )
  }

  async function keepFile({ track, name, path, bytes, asWritten }: FinishedSegment) {
    if (!asWritten) await writeFile(path, bytes)
    upload(track, name, path, bytes.length)
    return { uri: name }
  }

  async function keepRange({ track, path, bytes }: FinishedSegment) {
    const object = objects.get(track) ?? { path: join(path, '..', input.objectName), bytes: 0 }
    objects.set(track, object)
    const offset = object.bytes
    await appendFile(object.path, bytes)
    await rm(path)
    object.bytes += bytes.length
    return { uri: input.objectName, offset }
  }

  return {
    keep: input.storage === 'files' ? keepFile : keepRange,
    keepInit: upload,
    async stored() {
      for (const [track, { path, bytes }] of objects) upload(track, input.objectName, path, bytes)
      await Promise.all(uploads)
    },
  }
}
