import { mkdir, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WorkerError } from '../../shared/errors.ts'

/** Written into a process's scratch folder, so that a later process can tell whether its owner still lives. */
const ownerFile = 'owner.json'

/** A process's own scratch folder below VIDEO_WORKER_TEMP_DIR. */
export interface Scratch {
  readonly dir: string
  /** A new empty folder for one attempt. Throws scratch_full when `bytes` and the reserve do not fit. */
  jobDir(jobId: string, bytes: number): Promise<string>
  remove(): Promise<void>
}

/** Bytes that are free for us on the disk that holds `dir`. */
export async function freeBytes(dir: string): Promise<number> {
  const disk = await statfs(dir)
  return disk.bavail * disk.bsize
}

/** Start time of a process in clock ticks since boot (field 22 of stat), undefined when it is gone: pids are reused. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

export async function openScratch(root: string, pid: number, minFreeBytes: number): Promise<Scratch> {
  const dir = join(root, `worker-${pid}`)
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, ownerFile), JSON.stringify({ pid, start: await startOf(pid) }))

  return {
    dir,
    async jobDir(jobId, bytes) {
      const free = await freeBytes(dir)
      if (free < bytes + minFreeBytes) {
        throw new WorkerError(
          'scratch_full',
          `the source needs ${bytes} bytes of scratch beside the reserve of ${minFreeBytes}; ${free} are free`,
        )
      }
      const path = join(dir, jobId)
      await rm(path, { recursive: true, force: true })
      await mkdir(path, { recursive: true })
      return path
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

/** Removes the folders of processes that are gone; returns how many. Other workers on this host keep theirs. */
export async function sweepScratch(root: string): Promise<number> {
  let swept = 0
  for (const name of await readdir(root).catch(() => [])) {
    if (!name.startsWith('worker-')) continue
    const dir = join(root, name)
    const owner = await readFile(join(dir, ownerFile), 'utf8')
      .then((text) => JSON.parse(text) as { pid: number; start?: string })
      .catch(() => undefined)
    const start = owner && (await startOf(owner.pid))
    if (owner && start !== undefined && start === owner.start) continue
    await rm(dir, { recursive: true, force: true })
    swept += 1
  }
  return swept
}
