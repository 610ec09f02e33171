import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config.ts'
import { WorkerError } from './errors.ts'

/** Bytes that are free for us on the disk that holds `dir`. */
export async function freeBytes(dir: string): Promise<number> {
  const disk = await statfs(dir)
  return disk.bavail * disk.bsize
}

/** The scratch folder exists, is ours to write, and has room; resolves the free bytes. Throws config_invalid. */
export async function checkScratch(config: Config['scratch']): Promise<number> {
  const probe = join(config.dir, `.write-test-${process.pid}`)
  try {
    await mkdir(config.dir, { recursive: true })
    await writeFile(probe, 'x')
    await rm(probe)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new WorkerError(
      'config_invalid',
      `VIDEO_WORKER_TEMP_DIR ${config.dir} cannot be written: ${reason}`,
    )
  }
  const free = await freeBytes(config.dir)
  if (free < config.minFreeBytes) {
    throw new WorkerError(
      'config_invalid',
      `VIDEO_WORKER_TEMP_DIR ${config.dir} has ${megabytes(free)} free, SCRATCH_MIN_FREE_MB asks for ${megabytes(config.minFreeBytes)}`,
    )
  }
  return free
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}
