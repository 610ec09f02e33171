import { readSidecarName, sidecarPrefix, sidecarsOf } from '../../shared/sidecars.ts'
import type { Storage, StoredObject } from '../../shared/storage.ts'
import type { Sidecar } from '../chunk/text-ledger.ts'

/** As many languages as any film has; somebody who stores more beside one video wants something else. */
const mostSidecars = 32
/** Objects beside a source that are looked at: one page of a listing. */
const mostListed = 1000

/** The subtitle files beside a source, as the bucket has them now, in the order of their names. */
export async function findSidecars(
  sourceKey: string,
  storage: Storage,
  signal: AbortSignal,
): Promise<Sidecar[]> {
  const beside = await listBeside(sourceKey, storage, signal)
  return beside.slice(0, mostSidecars).map(({ key, bytes, etag }) => {
    return { key, bytes, etag, ...readSidecarName(sourceKey, key) }
  })
}

/** Keys of everything that belongs to a source: itself, and the subtitles beside it. '' is no source. */
export async function sourceKeys(
  sourceKey: string,
  storage: Storage,
  signal: AbortSignal,
): Promise<string[]> {
  if (sourceKey === '') return []
  return [sourceKey, ...(await listBeside(sourceKey, storage, signal)).map(({ key }) => key)]
}

async function listBeside(sourceKey: string, storage: Storage, signal: AbortSignal): Promise<StoredObject[]> {
  const found = new Map<string, StoredObject>()
  for await (const object of storage.list(sidecarPrefix(sourceKey), signal)) {
    found.set(object.key, object)
    if (found.size >= mostListed) break
  }
  return sidecarsOf(sourceKey, [...found.keys()]).map((key) => found.get(key)!)
}
