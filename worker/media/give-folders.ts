import { lchown, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Makes a user the owner of a folder and the folders below it, so that it may write there; files stay as they are. */
export async function giveFolders(dir: string, user: number): Promise<void> {
  await lchown(dir, user, user)
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) await giveFolders(join(dir, entry.name), user)
  }
}
