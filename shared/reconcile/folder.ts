import { masterKey, planKey, workFolder } from '../keys.ts'
import { parseMessage } from '../messages.ts'
import type { StoredObject } from '../storage.ts'
import { type JobFolder, walkFolders } from './walk.ts'
import type { World } from './world.ts'

/** What the bucket says of one job. Times in milliseconds of the bucket's clock. */
export interface FolderView extends JobFolder {
  /** Objects of the ledger (`.work/`). */
  readonly ledger: number
  /** When the master was written; undefined for a video that was never published. */
  readonly published: number | undefined
  /** When anything was last written: of a published video the ledger and the master alone. */
  readonly newest: number
  /** Whether another job of the same video was published after that. */
  readonly superseded: boolean
  /** A message that leads to this job, made from its plan; undefined when that cannot be. */
  readonly body: string | undefined
  /** Whether the source that the plan names is there. */
  readonly source: boolean
}

/** Undefined for a folder as it should be: published, and without a ledger. */
export async function viewFolder(
  world: World,
  job: JobFolder,
  signal: AbortSignal,
): Promise<FolderView | undefined> {
  const { storage } = world
  const ledger = await all(world, workFolder(job.folder), signal)
  const master = await storage.head(masterKey(job.folder), signal)
  if (master && ledger.length === 0) return undefined
  const objects = master ? [...ledger, master] : await all(world, job.folder, signal)
  // Removed meanwhile.
  if (objects.length === 0) return undefined
  const newest = Math.max(...objects.map(({ modified }) => modified))
  const superseded = await hasNewer(world, job, newest, signal)
  const plan = superseded ? {} : await readPlan(world, job, signal)
  return {
    ...{ ...job, ledger: ledger.length, published: master?.modified, newest, superseded },
    ...{ body: undefined, source: false, ...plan },
  }
}

async function all({ storage }: World, prefix: string, signal: AbortSignal): Promise<StoredObject[]> {
  const objects: StoredObject[] = []
  for await (const object of storage.list(prefix, signal)) objects.push(object)
  return objects
}

async function hasNewer(world: World, job: JobFolder, than: number, signal: AbortSignal): Promise<boolean> {
  let found = false
  const look = async (other: JobFolder) => {
    if (found || other.root !== job.root || other.folder === job.folder) return
    const master = await world.storage.head(masterKey(other.folder), signal)
    found = master !== undefined && master.modified > than
  }
  // As many versions as KEEP_VERSIONS may keep at most are more than any video has.
  await walkFolders(world.storage, { after: job.root, under: job.root, limit: 1000 }, look, signal)
  return found
}

/** Only a lecture's job can be told by its plan: a film's id is made from the event of its upload. */
async function readPlan(world: World, job: JobFolder, signal: AbortSignal) {
  const text = await world.storage.getText(planKey(job.folder), signal)
  const body = text === undefined ? undefined : bodyOf(text, job)
  if (body === undefined) return {}
  const message = parseMessage(body, world.messages)
  if (message.kind !== 'transcode' || message.jobId !== job.jobId) return {}
  return { body, source: (await world.storage.head(message.fileKey, signal)) !== undefined }
}

/** The message of version 3 (contract.md section 1) that the plan of a job was made for. */
function bodyOf(text: string, { jobId, tenantId, videoId }: JobFolder): string | undefined {
  if (tenantId === undefined) return undefined
  try {
    const plan = JSON.parse(text) as { source?: { key?: unknown }; profile?: { name?: unknown } }
    const profile = plan.profile?.name
    return JSON.stringify({
      ...{ job_id: jobId, video_id: videoId, tenant_id: tenantId, file_key: plan.source?.key },
      ...(typeof profile === 'string' && profile !== 'default' ? { profile } : {}),
    })
  } catch {
    return undefined
  }
}
