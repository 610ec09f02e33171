import { posix } from 'node:path'
import type { Storage } from '../../shared/storage.ts'

/** What a job may leave beside the tree that its master names: documented in docs/output.md. */
const extras = [
  /^(poster|thumbnail)(-\d+)?\.(jpg|webp)$/,
  /^preview\.mp4$/,
  /^chapters\.vtt$/,
  /^storyboard\.vtt$/,
]

export interface Tree {
  /** Named by a playlist or the storyboard, and not in the bucket. */
  readonly missing: string[]
  /** In the bucket, and neither named nor a documented extra. */
  readonly unreferenced: string[]
  readonly objects: number
}

/** Follows every URI from the master down, and compares with what lies under its folder. */
export async function readTree(storage: Storage, master: string, signal: AbortSignal): Promise<Tree> {
  const folder = `${posix.dirname(master)}/`
  const present = new Set<string>()
  for await (const { key } of storage.list(folder, signal)) present.add(key)
  const named = new Set<string>()
  await follow(master)
  const board = (await storage.getText(`${folder}storyboard.vtt`, signal)) ?? ''
  for (const [, sheet] of board.matchAll(/^(\S+)#xywh=/gm)) named.add(folder + sheet)
  const missing = [...named].filter((key) => !present.has(key))
  const unreferenced = [...present].filter((key) => {
    return !named.has(key) && !extras.some((extra) => extra.test(key.slice(folder.length)))
  })
  return { missing, unreferenced, objects: present.size }

  async function follow(key: string): Promise<void> {
    if (named.has(key)) return
    named.add(key)
    if (!key.endsWith('.m3u8')) return
    const text = (await storage.getText(key, signal)) ?? ''
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    // Keys are elsewhere, and not for everybody.
    const open = text.replace(/^#EXT-X-KEY:.*$/gm, '')
    const attributes = [...open.matchAll(/URI="([^"]+)"/g)].map((match) => match[1]!)
    for (const uri of [...lines, ...attributes]) {
      await follow(posix.join(posix.dirname(key), decodeURIComponent(uri)))
    }
  }
}
