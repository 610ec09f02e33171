import {
  audioManifestKey,
  chunkKey,
  planKey,
  posterKey,
  refusalKey,
  startedOverKey,
  workFolder,
} from '../../shared/keys.ts'
import type { Storage } from '../../shared/storage.ts'
import type { SourceFacts } from '../media/facts.ts'
import type { InitFacts } from '../media/fmp4.ts'
import type { Rendition } from '../media/ladder.ts'
import type { PlaylistSegment } from '../media/playlist.ts'
import type { Profile } from '../media/profile.ts'
import type { Grid } from '../media/timeline.ts'
import { readRecord, type Versioned, writeRecord } from './record.ts'
import type { Sidecar } from './text-ledger.ts'

/** What one job decided once, before the first chunk; every later step and worker reads it from here. */
export interface Plan {
  readonly version: number
  readonly jobId: string
  readonly source: { readonly key: string; readonly bytes: number; readonly etag: string }
  readonly profile: Profile
  readonly facts: SourceFacts
  /** Subtitle files beside the source. A plan of a worker that knew nothing of subtitles has none, not even an empty list. */
  readonly sidecars?: readonly Sidecar[]
  readonly ladder: readonly Rendition[]
  readonly grid: Grid
  readonly segmentStorage: SegmentStorage
  /** None: segments are stored as they are. */
  readonly encryption?: Encryption
  /**
   * What the names of all files begin with that are made by this plan: nothing, `copy-` of one that copies, and of one
   * that follows another (of a source that was replaced, a key, a release) a word of its own before that. A plan may be
   * given up while others work by it; what a late worker still writes by the first is no part of the second.
   */
  readonly series: string
}

/** Whether the pictures of the source are copied: such a plan may be given up for one that encodes. */
export function isCopy({ series }: Pick<Plan, 'series'>): boolean {
  return series.endsWith(copySeries)
}

export const copySeries = 'copy-'

/** How segments are encrypted; the key itself is got from the API by whoever needs it, and never written. */
export interface Encryption {
  readonly method: 'aes-128'
  /** Where players get the key. */
  readonly uri: string
  /** By which a later worker sees that it was given the same key (job/seal.ts). */
  readonly check: string
}

/** How finished segments lie in the bucket: an object each, or as ranges of one object a chunk and track. */
export type SegmentStorage = 'files' | 'byterange'

/** One track's part of a chunk: its segments in order, times in seconds, and what its init segment says. */
export interface TrackPart {
  /** Without `uri` where segments need none (MPEG-TS): then `codec` is that of pictures and sound. */
  readonly init: InitFacts & { readonly uri?: string; readonly bytes: number; readonly md5: string }
  readonly segments: readonly PlaylistSegment[]
}

/** Written after the last segment of a chunk is stored: what it lists is there. */
export interface ChunkManifest {
  readonly version: number
  readonly index: number
  /** By rendition name. Empty when the source ended before this chunk. */
  readonly tracks: Readonly<Record<string, TrackPart>>
  /** Storyboard sheets, relative to the job's folder. */
  readonly sheets: readonly { readonly uri: string; readonly bytes: number }[]
  readonly encodeSeconds: number
}

/** One audio rendition (layout.ts says which), encoded in one go. */
export interface AudioManifest {
  readonly version: number
  readonly index: number
  readonly track: TrackPart
  readonly encodeSeconds: number
}

/**
 * The record of a job in the bucket: the object store is the ledger, what it says is done, is done. Conditional
 * writes decide who was first; the loser reads what the winner wrote.
 */
export interface Ledger {
  readPlan(signal: AbortSignal): Promise<Plan | undefined>
  /** Says that the pictures of the source cannot be copied after all: the next attempt plans without it. */
  refuseCopy(reason: string, signal: AbortSignal): Promise<void>
  /** Why they cannot, when somebody found out. */
  copyRefusal(signal: AbortSignal): Promise<string | undefined>
  /** Removes all that was made by the plan, which stays, and remembers why: once is enough for a job. */
  startOver(reason: string, signal: AbortSignal): Promise<void>
  /** Why all was made anew, if it was. */
  startedOver(signal: AbortSignal): Promise<string | undefined>
  /** The plan that counts: this one, or the one that was there. Undefined when what was there cannot be read or was just removed. */
  writePlan(plan: Omit<Plan, 'version'>, signal: AbortSignal): Promise<Plan | undefined>
  /** Undefined when there is none, or when something it lists is not in `present`. */
  readChunk(
    plan: Plan,
    index: number,
    present: ReadonlyMap<string, number>,
    signal: AbortSignal,
  ): Promise<ChunkManifest | undefined>
  writeChunk(
    plan: Plan,
    manifest: Omit<ChunkManifest, 'version'>,
    signal: AbortSignal,
  ): Promise<ChunkManifest>
  readAudio(
    plan: Plan,
    index: number,
    present: ReadonlyMap<string, number>,
    signal: AbortSignal,
  ): Promise<AudioManifest | undefined>
  writeAudio(
    plan: Plan,
    manifest: Omit<AudioManifest, 'version'>,
    signal: AbortSignal,
  ): Promise<AudioManifest>
  /** Of a job that is shared over the fleet: made before its chunks, published by its join. */
  readPoster(present: ReadonlyMap<string, number>, signal: AbortSignal): Promise<Buffer | undefined>
  writePoster(poster: Buffer, signal: AbortSignal): Promise<void>
  /** Everything under the job's folder, by key relative to it, with sizes in bytes. */
  present(signal: AbortSignal): Promise<Map<string, number>>
  /** The ledger's own objects alone, named and sized likewise: enough to know which parts are done. */
  manifests(signal: AbortSignal): Promise<Map<string, number>>
  /** Forgets everything: the folder is empty afterwards. */
  clear(signal: AbortSignal): Promise<void>
  /** Removes the ledger itself, once the job is published. */
  close(signal: AbortSignal): Promise<void>
}

/** Folder of an audio rendition, relative to the job's folder. */
export function audioFolder(index: number): string {
  return `audio-${index}`
}

export function openLedger(storage: Storage, folder: string): Ledger {
  async function read<T extends object>(key: string, signal: AbortSignal): Promise<Versioned<T> | undefined> {
    const text = await storage.getText(key, signal)
    return text === undefined ? undefined : readRecord<T>(text)
  }

  async function write<T extends object>(key: string, body: T, signal: AbortSignal): Promise<Versioned<T>> {
    const { record, text } = writeRecord(body)
    await storage.put(key, text, { contentType: 'application/json', cacheControl: 'no-cache', signal })
    return record
  }

  async function list(prefix: string, signal: AbortSignal): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    for await (const { key, bytes } of storage.list(prefix, signal))
      found.set(key.slice(folder.length), bytes)
    return found
  }

  return {
    readPlan: (signal) => read<Plan>(planKey(folder), signal),

    async writePlan(plan, signal) {
      const { record, text } = writeRecord(plan)
      const answer = await storage.put(planKey(folder), text, {
        ...{ contentType: 'application/json', cacheControl: 'no-cache', signal, onlyIfAbsent: true },
      })
      if (answer === 'stored') return record
      return read<Plan>(planKey(folder), signal)
    },

    async refuseCopy(reason, signal) {
      await write(refusalKey(folder), { reason }, signal)
    },
    async copyRefusal(signal) {
      return (await read<{ reason: string }>(refusalKey(folder), signal))?.reason
    },

    async startOver(reason, signal) {
      const kept = [planKey(''), startedOverKey('')]
      const made = [...(await list(folder, signal)).keys()].filter((name) => !kept.includes(name))
      await storage.deleteKeys(
        made.map((name) => folder + name),
        signal,
      )
      // Last: whoever dies before starts over once more, and not from half of what was there.
      await write(startedOverKey(folder), { reason }, signal)
    },
    async startedOver(signal) {
      return (await read<{ reason: string }>(startedOverKey(folder), signal))?.reason
    },

    async readChunk({ series }, index, present, signal) {
      const manifest = await read<ChunkManifest>(chunkKey(folder, index, series), signal)
      if (!manifest) return undefined
      const tracks = Object.entries(manifest.tracks).every(([name, part]) => stored(name, part, present))
      const sheets = manifest.sheets.every((sheet) => present.get(sheet.uri) === sheet.bytes)
      return tracks && sheets ? manifest : undefined
    },
    writeChunk: ({ series }, manifest, signal) =>
      write(chunkKey(folder, manifest.index, series), manifest, signal),

    async readAudio({ series }, index, present, signal) {
      const manifest = await read<AudioManifest>(audioManifestKey(folder, index, series), signal)
      return manifest && stored(audioFolder(index), manifest.track, present) ? manifest : undefined
    },
    writeAudio: ({ series }, manifest, signal) =>
      write(audioManifestKey(folder, manifest.index, series), manifest, signal),

    async readPoster(present, signal) {
      const bytes = present.get(posterKey(folder).slice(folder.length))
      return bytes ? storage.getRange(posterKey(folder), { start: 0, end: bytes - 1 }, { signal }) : undefined
    },
    writePoster: async (poster, signal) => {
      await storage.put(posterKey(folder), poster, {
        contentType: 'image/jpeg',
        cacheControl: 'no-cache',
        signal,
      })
    },

    present: (signal) => list(folder, signal),
    manifests: (signal) => list(workFolder(folder), signal),
    clear: async (signal) => {
      await storage.deletePrefix(folder, signal)
    },
    close: async (signal) => {
      await storage.deletePrefix(workFolder(folder), signal)
    },
  }
}

/** The objects of a track and their sizes in bytes, by name in its folder. */
export function objectsOf({ init, segments }: TrackPart): Map<string, number> {
  const objects = new Map(init.uri === undefined ? [] : [[init.uri, init.bytes]])
  for (const { uri, bytes } of segments) objects.set(uri, (objects.get(uri) ?? 0) + bytes)
  return objects
}

/** Whether all of a track is in the bucket, in its right size. */
export function stored(trackFolder: string, part: TrackPart, present: ReadonlyMap<string, number>): boolean {
  return [...objectsOf(part)].every(([uri, bytes]) => present.get(`${trackFolder}/${uri}`) === bytes)
}
