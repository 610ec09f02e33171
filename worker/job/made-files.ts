/** Files that ffmpeg made: it may have been made to put a link there, which must not lead out of its folder. */
import { constants } from 'node:fs'
import { type FileHandle, open, readFile, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'

/** Fails with ELOOP on a link, and does not wait for the other end of a pipe. */
const unfollowed = constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * With less than this free, in bytes, a file that is not whole is the disk's doing: the last segment did not fit any
 * more, and a segment is up to some megabytes.
 */
const fullBytes = 16 * 2 ** 20

/** Throws output_invalid or scratch_full for an empty file: ffmpeg has nothing to say in no bytes. */
export async function readMade(path: string): Promise<Buffer> {
  const data = await readFile(path, { flag: constants.O_RDONLY | unfollowed })
  if (data.length > 0) return data
  const empty = new WorkerError('output_invalid', `ffmpeg left ${basename(path)} empty`)
  throw await orScratchFull(empty, dirname(path))
}

/** As readMade, of a file that ffmpeg may rightly leave out: empty then. Throws scratch_full. */
export async function readIfMade(path: string): Promise<Buffer> {
  return readMade(path).catch((error: unknown) => {
    if (asWorkerError(error).code === 'scratch_full') throw error
    return Buffer.alloc(0)
  })
}

/**
 * What was really wrong with a file that is not as planned. ffmpeg takes no notice of a full disk when it closes a file:
 * it leaves it short or empty, goes on, and exits 0 without a word (measured on 5.1).
 */
export async function orScratchFull(error: WorkerError, dir: string): Promise<WorkerError> {
  if (error.code !== 'output_invalid') return error
  const disk = await statfs(dir)
  const free = disk.bavail * disk.bsize
  if (free >= fullBytes) return error
  const message = `the scratch disk has ${free} bytes free, and ${error.message}`
  return new WorkerError('scratch_full', message, { cause: error })
}

export function openMade(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | unfollowed)
}

/** Writes beside what ffmpeg made. */
export function writeBeside(path: string, data: Buffer): Promise<void> {
  const flag = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | unfollowed
  return writeFile(path, data, { flag })
}
