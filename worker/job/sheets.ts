import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { EncodeContext } from './encode.ts'

/** Hands the storyboard's sheets of a chunk, as ffmpeg left them in `outDir`, to the uploader. */
export async function uploadSheets(context: EncodeContext, outDir: string) {
  const names = (await readdir(outDir)).filter((name) => name.endsWith('.jpg')).sort()
  const sheets: { uri: string; bytes: number }[] = []
  const uploads: Promise<void>[] = []
  for (const name of names) {
    const path = join(outDir, name)
    const uri = context.plan.series + name
    const { size: bytes } = await stat(path)
    sheets.push({ uri, bytes })
    uploads.push(
      new Promise((resolve) => {
        context.uploader.add({ path, key: `${context.folder}${uri}`, bytes, onDone: () => resolve() })
      }),
    )
  }
  return { sheets, uploaded: Promise.all(uploads) }
}
