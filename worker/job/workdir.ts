import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { WorkerError } from '../../shared/errors.ts'
import { freeBytes } from '../../shared/scratch.ts'

/** Written into a process's scratch folder, so that a later process can tell whether its owner still lives. */
const ownerFile = 'owner.json'

/** Who a scratch folder belongs to. Process ids say nothing beyond their host or container. */
interface Owner {
  readonly hostname: string
  readonly pid: number
  /** Start time of the process; undefined where there is no /proc. */
  readonly start?: string | undefined
}

/** A process's own scratch folder below VIDEO_WORKER_TEMP_DIR. */
export interface Scratch {
  readonly dir: string
  /** A new empty folder for one attempt. Throws scratch_full when `bytes`, what others were promised and the reserve do not fit. */
  jobDir(name: string, bytes: number): Promise<JobDir>
  remove(): Promise<void>
}

/** One attempt's folder, and the room on the disk that it was promised. */
export interface JobDir {
  readonly dir: string
  /** So many of the promised bytes are on the disk now. */
  arrived(bytes: number): void
  /** Gives back the folder and what is left of the promise. */
  remove(): Promise<void>
}

/** Start time of a process in clock ticks since boot (field 22 of stat), undefined when it is gone: pids are reused. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

/** Containers that share a scratch volume have the same process ids: the host's name tells them apart. */
function folderPrefix(): string {
  return `worker-${hostname().replace(/[^\w.-]/g, '_')}-`
}

/** free: tells the free bytes of the disk, from the disk unless a test knows better. */
export async function openScratch(
  root: string,
  pid: number,
  minFreeBytes: number,
  free = freeBytes,
): Promise<Scratch> {
  const name = `${folderPrefix()}${pid}-${randomBytes(4).toString('hex')}`
  const dir = join(root, name)
  // Complete before it is seen: a sweep must never find a folder that does not say whose it is.
  const draft = join(root, `.${name}`)
  const owner: Owner = { hostname: hostname(), pid, start: await startOf(pid) }
  await mkdir(draft, { recursive: true })
  await writeFile(join(draft, ownerFile), JSON.stringify(owner))
  await rename(draft, dir)
  /** Of all open job folders: promised, and not on the disk yet. */
  let promised = 0

  return {
    dir,
    async jobDir(job, bytes) {
      const path = join(dir, job)
      await rm(path, { recursive: true, force: true })
      const there = await free(dir)
      // Nothing waits between the look and the promise: two slots never see the same free bytes.
      if (there < promised + bytes + minFreeBytes) {
        throw new WorkerError(
          'scratch_full',
          `the source needs ${bytes} bytes of scratch beside the reserve of ${minFreeBytes} and ${promised} promised; ${there} are free`,
        )
      }
      let left = bytes
      const take = (some: number) => {
        const taken = Math.min(some, left)
        left -= taken
        promised -= taken
      }
      promised += bytes
      await mkdir(path, { recursive: true }).catch((error: unknown) => {
        take(left)
        throw error
      })
      return {
        dir: path,
        arrived: take,
        async remove() {
          take(left)
          // A tool that was just killed may have made a last file while the folder is emptied.
          await rm(path, { recursive: true, force: true, maxRetries: 5 })
        },
      }
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

/**
 * Removes the folders of this host's processes that are gone; returns how many. Running workers keep theirs, and
 * nobody can tell from here whether those of another host or container run.
 */
export async function sweepScratch(root: string): Promise<number> {
  let swept = 0
  for (const name of await readdir(root).catch(() => [])) {
    // With a dot in front: its process died while it made the folder.
    const named = ownerByName(name.replace(/^\./, ''))
    if (!named) continue
    const dir = join(root, name)
    const owner = await readFile(join(dir, ownerFile), 'utf8')
      .then((text) => JSON.parse(text) as Owner)
      // Without its file when a removal was cut off: then the name has to do.
      .catch(() => named)
    if (owner.hostname !== hostname()) continue
    const start = await startOf(owner.pid)
    if (start !== undefined && (owner.start === undefined || start === owner.start)) continue
    await rm(dir, { recursive: true, force: true })
    swept += 1
  }
  return swept
}

/** Of a folder of this host; undefined for everything else. */
function ownerByName(name: string): Owner | undefined {
  const prefix = folderPrefix()
  const rest = /^(\d+)-[0-9a-f]{8}$/.exec(name.startsWith(prefix) ? name.slice(prefix.length) : '')
  return rest ? { hostname: hostname(), pid: Number(rest[1]) } : undefined
}
