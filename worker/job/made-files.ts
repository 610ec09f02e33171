/** Files that ffmpeg made: it may have been made to put a link there, which must not lead out of its folder. */
import { constants } from 'node:fs'
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises'

/** Fails with ELOOP on a link, and does not wait for the other end of a pipe. */
const unfollowed = constants.O_NOFOLLOW | constants.O_NONBLOCK

export function readMade(path: string): Promise<Buffer> {
  return readFile(path, { flag: constants.O_RDONLY | unfollowed })
}

export function openMade(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | unfollowed)
}

/** Writes beside what ffmpeg made. */
export function writeBeside(path: string, data: Buffer): Promise<void> {
  const flag = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | unfollowed
  return writeFile(path, data, { flag })
}
