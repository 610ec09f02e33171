import { WorkerError } from '../../shared/errors.ts'
import { soundRenditions } from './layout.ts'
import type { AudioManifest, ChunkManifest, Ledger, Plan } from './ledger.ts'

/**
 * All manifests of a job whose parts are all done; present: lists each of them. Throws output_displaced when one is not
 * to be had all the same: somebody else who has the job is removing its ledger, and who comes again finds it gone.
 */
export async function readManifests(
  ledger: Ledger,
  plan: Plan,
  present: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<{ chunks: ChunkManifest[]; audio: AudioManifest[] }> {
  const chunks = await Promise.all(
    plan.grid.chunks.map(({ index }) => ledger.readChunk(plan, index, present, signal)),
  )
  const audio = await Promise.all(
    soundRenditions(plan).map((_, index) => ledger.readAudio(plan, index, present, signal)),
  )
  return { chunks: chunks.map(orDisplaced), audio: audio.map(orDisplaced) }
}

function orDisplaced<Manifest>(manifest: Manifest | undefined): Manifest {
  if (manifest) return manifest
  throw new WorkerError('output_displaced', 'a part was listed as stored, and is not there as it was stored')
}
