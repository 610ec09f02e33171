import { chmod, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Only its owner: it holds every secret of the role. */
const mode = 0o600

export interface FileWrite {
  readonly path: string
  readonly text: string
  /** Called once the file holds the text, and again by the next write as long as it fails. */
  readonly onChange: (() => Promise<void>) | undefined
}

/**
 * Puts the text into the file, whole or not at all: a new file of mode 600 beside it takes its name. Resolves whether
 * the text is another one than before. A mark beside the file (`.changed`) stands from before the change until onChange
 * has succeeded, so that a service which could not be recreated, or a host that went down, is made up for by the next run.
 */
export async function writeEnvironmentFile({ path, text, onChange }: FileWrite): Promise<boolean> {
  const mark = `${path}.changed`
  const before = await readFile(path, 'utf8').catch(absent)
  const changed = before !== text
  if (changed) {
    if (onChange) await put(mark, '')
    await put(path, text)
  } else if (((await stat(path)).mode & 0o777) !== mode) await chmod(path, mode)
  const due = onChange !== undefined && (changed || (await stat(mark).catch(absent)) !== undefined)
  if (due) {
    await onChange()
    await rm(mark, { force: true })
  }
  return changed
}

async function put(path: string, text: string): Promise<void> {
  const made = `${path}.new`
  // What a run left that was killed.
  await rm(made, { force: true })
  try {
    // Not there yet, so the mode holds from its first byte on.
    const file = await open(made, 'wx', mode)
    try {
      await file.chmod(mode)
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(made, path)
    // The rename itself must outlive a power cut.
    const folder = await open(dirname(path), 'r')
    await folder.sync().finally(() => folder.close())
  } catch (error) {
    await rm(made, { force: true })
    throw error
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
