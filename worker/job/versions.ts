import { workFolder } from '../../shared/keys.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Storage } from '../../shared/storage.ts'
import { now } from '../../shared/time.ts'

/** A ledger beside a master this old, in milliseconds, is left over: no job has that much to do after publishing. */
const leftOverMs = 24 * 3600 * 1000

/** One published version of a video: a job's folder, or the files of the old product directly under the root. */
interface Version {
  readonly prefix: string
  readonly keys: string[]
  /** Of them, those of the job's ledger. */
  readonly ledger: string[]
  /** When its master was written, milliseconds since 1970; undefined without one. */
  published: number | undefined
}

/**
 * Removes the versions that are older than the one just accepted, but for the newest `keep` of them. A folder
 * without a master is left: it may be a job that runs right now. So is one that has its ledger still: its job may
 * be between publishing and reporting; after a day only the ledger goes, and the folder with the next version.
 */
export async function removeOlderVersions(
  storage: Storage,
  root: string,
  currentFolder: string,
  keep: number,
  options: { signal: AbortSignal; logger: Logger },
): Promise<void> {
  const versions = new Map<string, Version>()
  for await (const object of storage.list(root, options.signal)) {
    const rest = object.key.slice(root.length)
    const slash = rest.indexOf('/')
    // The Python fleet wrote master.m3u8 and v1/, v2/ … straight under the root: those belong together.
    const inJobFolder = slash > 0 && isJobId(rest.slice(0, slash))
    const prefix = inJobFolder ? `${root}${rest.slice(0, slash + 1)}` : root
    const version = versions.get(prefix) ?? { prefix, keys: [], ledger: [], published: undefined }
    version.keys.push(object.key)
    if (inJobFolder && object.key.startsWith(workFolder(prefix))) version.ledger.push(object.key)
    if (object.key === `${prefix}master.m3u8`) version.published = object.modified
    versions.set(prefix, version)
  }
  const current = versions.get(currentFolder)?.published
  if (current === undefined) return
  const older = [...versions.values()]
    .filter((version) => version.prefix !== currentFolder && version.published !== undefined)
    .filter((version) => version.published! <= current)
    .sort((a, b) => b.published! - a.published!)
  for (const [position, { prefix, keys, ledger, published }] of older.entries()) {
    if (ledger.length > 0) {
      if (now() - published! < leftOverMs) continue
      await storage.deleteKeys(ledger, options.signal)
      options.logger.info({ prefix, objects: ledger.length }, 'left-over ledger of an older version removed')
    } else if (position >= keep) {
      await storage.deleteKeys(keys, options.signal)
      options.logger.info({ prefix, objects: keys.length }, 'older version removed')
    }
  }
}

function isJobId(name: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)
}
