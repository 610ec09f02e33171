import { jobFolderOf } from '../keys.ts'
import type { Storage } from '../storage.ts'

/** Where jobs write: contract.md sections 2 and 5. */
const roots = ['hls/', 'tenants/']

/** The sign behind the slash: a folder's name with it instead comes after everything that lies in the folder. */
const behindSlash = '0'

export type JobFolder = NonNullable<ReturnType<typeof jobFolderOf>>

export interface Walk {
  /** '' begins at the start. */
  readonly after: string
  /** One folder instead of all places where jobs write. */
  readonly under?: string
  /** Job folders at most. */
  readonly limit: number
}

/**
 * The jobs' folders in the bucket, in the order of their keys. A request of one key a folder, since what lies in it is
 * skipped. Resolves where the next walk goes on: '' at the start.
 */
export async function walkFolders(
  storage: Storage,
  { after, under, limit }: Walk,
  onFolder: (folder: JobFolder) => Promise<void>,
  signal: AbortSignal,
): Promise<string> {
  const places = under === undefined ? roots : [under]
  let at = after
  // Other things lie there too, and cost a request each: sources, the older product's files.
  for (let requests = 0, folders = 0; folders < limit && requests < 4 * limit; requests++) {
    const key = await firstKey(storage, places, at, signal)
    if (key === undefined) return ''
    const folder = jobFolderOf(key)
    if (folder) {
      folders += 1
      await onFolder(folder)
    }
    at = behind(key, folder)
  }
  return at
}

async function firstKey(
  storage: Storage,
  places: readonly string[],
  after: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const place of places) {
    if (after > place && !after.startsWith(place)) continue
    const start = after === '' || after < place ? {} : { after }
    for await (const { key } of storage.list(place, signal, { page: 1, ...start })) return key
  }
  return undefined
}

/** A folder of the older product under a video's root, a tenant's sources, anything else that a tenant has. */
const otherFolder =
  /^(tenants\/[^/]+\/video\/hls\/[^/]+\/[^/]+\/|tenants\/[^/]+\/video\/(?!hls\/)[^/]+\/|tenants\/[^/]+\/(?!video\/)[^/]+\/|hls\/[^/]+\/[^/]+\/)/

/** What to go on behind. */
function behind(key: string, folder: JobFolder | undefined): string {
  const whole = folder?.folder ?? otherFolder.exec(key)?.[0]
  return whole === undefined ? key : whole.slice(0, -1) + behindSlash
}
