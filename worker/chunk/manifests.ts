import { soundRenditions } from './layout.ts'
import type { AudioManifest, ChunkManifest, Ledger, Plan } from './ledger.ts'

/** All manifests of a job whose parts are all done, up to where the source really ended. */
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
  return {
    chunks: chunks.filter((chunk) => chunk !== undefined),
    audio: audio.filter((track) => track !== undefined),
  }
}
