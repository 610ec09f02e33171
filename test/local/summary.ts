/** What came out of a job, read from the bucket itself and not from what the worker said of it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Storage, StoredObject } from '../../shared/storage.ts'
import { clock, size } from './screen.ts'

export interface Finished {
  title: string
  /** Key of the master playlist. */
  master: string
  /** Of the source; undefined when ffprobe could not tell. */
  seconds: number | undefined
  sourceBytes: number
  /** From the message's sending to the callback's arrival. */
  wallSeconds: number
}

export interface Rendition {
  name: string
  size: string
  codecs: string
  /** Bits a second over the whole video, sound included. */
  average: number
  bytes: number
}

/** A few lines for a person: the renditions with their sizes, and how long it took. */
export async function summarise(storage: Storage, job: Finished, signal: AbortSignal): Promise<string[]> {
  const folder = folderOf(job.master)
  const objects = await listAll(storage, folder, signal)
  const renditions = parseMaster((await storage.getText(job.master, signal)) ?? '', folder, objects)
  const total = sum(objects)
  const video = renditions.reduce((bytes, each) => bytes + each.bytes, 0)
  const speed =
    job.seconds === undefined ? '' : `, ${(job.seconds / job.wallSeconds).toFixed(1)} times real time`
  const length = job.seconds === undefined ? '' : `${clock(job.seconds)}, `
  return [
    `  ${job.title}  (${length}${size(job.sourceBytes)})`,
    ...renditions.map((each) => `    ${drawRendition(each)}`),
    `    ${'and the rest'.padEnd(41)}  ${size(total - video).padStart(8)}   sound, pictures, playlists`,
    `    ${`${size(total)} in ${objects.length} files, ${job.wallSeconds.toFixed(1)} s${speed}`}`,
  ]
}

/** Copies everything of a job but its ledger into `${target}/`, as it lies in the bucket below the job's folder. */
export async function keepOutput(
  storage: Storage,
  master: string,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const folder = folderOf(master)
  for (const { key, bytes } of await listAll(storage, folder, signal)) {
    // The ledger goes just after the API was told, so it may be half gone by now.
    if (key.startsWith(`${folder}.work/`)) continue
    const path = join(target, key.slice(folder.length))
    mkdirSync(dirname(path), { recursive: true })
    const range = { start: 0, end: bytes - 1 }
    writeFileSync(path, bytes === 0 ? '' : await storage.getRange(key, range, { signal }))
  }
}

function drawRendition({ name, size: picture, codecs, average, bytes }: Rendition): string {
  const rate = `${(average / 1e6).toFixed(2)} Mbit/s`
  return [
    name.padEnd(6),
    picture.padEnd(10),
    codecs.padEnd(11),
    rate.padStart(11),
    size(bytes).padStart(9),
  ].join(' ')
}

/** The variants of a master playlist, largest first, with the bytes of each one's own folder. */
export function parseMaster(text: string, folder: string, objects: StoredObject[]): Rendition[] {
  const variant = /^#EXT-X-STREAM-INF:(.*)\r?\n([^#\s]\S*)/gm
  const variants = [...text.matchAll(variant)]
  return (
    variants
      // One that can be heard in stereo and in 5.1 is listed with each.
      .filter(([, , uri], at) => variants.findIndex((other) => other[2] === uri) === at)
      .map(([, attributes = '', uri = '']) => {
        const value = (name: string) => new RegExp(`(?:^|,)${name}="?([^",]+)`).exec(attributes)?.[1] ?? ''
        const own = folderOf(folder + uri)
        const [width = 0, height = 0] = value('RESOLUTION').split('x').map(Number)
        return {
          name: height > 0 ? `${Math.min(width, height)}p` : 'sound',
          size: value('RESOLUTION'),
          codecs: value('CODECS'),
          average: Number(value('AVERAGE-BANDWIDTH') || value('BANDWIDTH')),
          bytes: sum(objects.filter((object) => object.key.startsWith(own))),
        }
      })
      .sort((one, other) => other.average - one.average)
  )
}

async function listAll(storage: Storage, prefix: string, signal: AbortSignal): Promise<StoredObject[]> {
  const found: StoredObject[] = []
  for await (const object of storage.list(prefix, signal)) found.push(object)
  return found
}

function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1)
}

function sum(objects: StoredObject[]): number {
  return objects.reduce((total, object) => total + object.bytes, 0)
}
