/** A bucket in a folder of its own with what a job has stored in it, for tests of what is made of that. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { planGrid } from '../../../worker/chunk/grid.ts'
import { type ChunkManifest, openLedger, type Plan } from '../../../worker/chunk/ledger.ts'
import { type SourceServer, startSourceServer } from '../../../worker/job/source.ts'
import { openScratch, type Scratch } from '../../../worker/job/workdir.ts'
import { planLadder } from '../../../worker/media/ladder.ts'
import { defaultProfile } from '../../../worker/media/profile.ts'
import { factsOf } from '../media/facts.ts'
import { FileStorage } from './file-storage.ts'

/** The folder of the job. */
export const folder = 'out/'
const { signal } = new AbortController()

export interface Bucket {
  readonly dir: string
  readonly storage: FileStorage
  close(): Promise<void>
}

export async function openBucket(): Promise<Bucket> {
  const dir = await mkdtemp(join(tmpdir(), 'stored-job-'))
  return {
    ...{ dir, storage: new FileStorage(dir) },
    close: () => rm(dir, { recursive: true, force: true }),
  }
}

export interface Sources extends Bucket {
  readonly sources: SourceServer
  readonly scratch: Scratch
}

/** One with source.mp4 in it, and all that opens a source. */
export async function openSources(): Promise<Sources> {
  const bucket = await openBucket()
  const { dir, storage } = bucket
  await writeFile(join(dir, 'source.mp4'), 'bytes')
  const sources = await startSourceServer(storage)
  const scratch = await openScratch(join(dir, 'scratch'), process.pid, 0)
  return {
    ...{ dir, storage, sources, scratch },
    async close() {
      await sources.close()
      await bucket.close()
    },
  }
}

/** Stores files of these names in the job's folder. */
export async function storeFiles(storage: FileStorage, names: readonly string[]): Promise<void> {
  for (const name of names) await storage.put(folder + name, 'x', { contentType: 'text/plain', signal })
}

/** A job of two chunks without sound, both encoded in one rendition, and its ledger. Resolves to the files that it lists. */
export async function storeLedger(storage: FileStorage): Promise<string[]> {
  const facts = factsOf({}, { audio: [] })
  const plan = {
    ...{ jobId: 'j', source: { key: 'gone.mp4', bytes: 5, etag: 'e' }, series: '' },
    ...{ facts, profile: defaultProfile, ladder: planLadder(facts, defaultProfile).slice(0, 1) },
    grid: planGrid({ rate: { num: 25, den: 1 }, seconds: 12, segmentSeconds: 6, chunkSeconds: 6 }),
  } as unknown as Plan
  const name = plan.ladder[0]!.name
  const init = { uri: 'init.mp4', bytes: 1, md5: 'm', codec: 'avc1.640028' }
  const ledger = openLedger(storage, folder)
  await ledger.writePlan(plan, signal)
  const names = [`${name}/init.mp4`]
  for (const index of [0, 1]) {
    const segments = [{ number: index, uri: `seg-0000${index}.m4s`, seconds: 6, bytes: 1 }]
    const tracks = { [name]: { init, segments } } as unknown as ChunkManifest['tracks']
    await ledger.writeChunk(plan, { index, tracks, sheets: [], encodeSeconds: 1 }, signal)
    names.push(`${name}/seg-0000${index}.m4s`)
  }
  await storeFiles(storage, names)
  return names
}
