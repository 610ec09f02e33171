/** Makes the awkward files of made-files.ts with ffmpeg, and the manifest that goes with them. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { madeFiles } from './made-files.ts'
import type { MadeFile } from './made-kinds.ts'

const run = promisify(execFile)

/** Writes the files and manifest.json into the folder. Rejects with ffmpeg's words when it cannot make one. */
export async function makeFiles(
  dir: string,
  { only, signal }: { only?: readonly string[] | undefined; signal: AbortSignal },
): Promise<void> {
  await mkdir(dir, { recursive: true })
  const files = madeFiles.filter(({ file }) => only?.includes(file) ?? true)
  for (const made of files) await make(made, dir, signal)
  for (const name of await readdir(dir)) if (name.startsWith('part-')) await rm(join(dir, name))
  await writeFile(join(dir, 'manifest.json'), `${JSON.stringify(files.map(entryOf), null, 1)}\n`)
}

async function make(
  { file, steps, beside = {}, splice, patch }: MadeFile,
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  for (const [name, content] of Object.entries(beside)) await writeFile(join(dir, name), content)
  for (const step of steps)
    await run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...step.split(' ')], { cwd: dir, signal }).catch(
      ({ stderr }) => {
        throw new Error(`${file}: ffmpeg ${step}\n${stderr}`)
      },
    )
  if (splice) {
    const parts = await Promise.all(splice.map((name) => readFile(join(dir, name))))
    await writeFile(join(dir, file), Buffer.concat(parts))
  }
  const patched = patch === 'edit-list-hole' ? withHole : patch
  if (patched) await writeFile(join(dir, file), patched(await readFile(join(dir, file))))
}

function entryOf({
  file,
  size = '320x180',
  seconds = 8,
  frames,
  variableRate,
  audio = true,
  pairs = 4,
  inStep = true,
  alike,
  rate,
  expect,
}: MadeFile) {
  return {
    ...{ file, expect: expect ?? 'ok', facts: { vfr: variableRate === true } },
    want: {
      ...{ display_size: size, video_s: seconds, has_audio: audio, ...(inStep ? { pairs } : {}) },
      frames_decoded: frames ?? Math.round(seconds * 25),
      ...{ alike_db: alike, rate },
    },
  }
}

/** Seconds at which the hole opens, and how long it is. */
const hole = { at: 4.5, lasts: 3 }

/**
 * Each track of an MP4 with its index at the end gets a pause in its edit list (ISO 14496-12, 8.6.6), which ffmpeg
 * cannot write: what was one edit becomes two, with an empty one between them.
 */
function withHole(bytes: Buffer): Buffer {
  const moov = bytes.lastIndexOf('moov') - 4
  const parts: Buffer[] = [bytes.subarray(0, moov)]
  const index = Buffer.from(bytes.subarray(moov))
  const ticks = index.readUInt32BE(index.indexOf('mvhd') + 16)
  const grow = (at: number, by: number) => index.writeUInt32BE(index.readUInt32BE(at) + by, at)
  let done = 0
  for (let edit = index.indexOf('elst'); edit >= 0; edit = index.indexOf('elst', edit + 1)) {
    const [length, start] = [index.readUInt32BE(edit + 12), index.readUInt32BE(edit + 16)]
    const media = index.readUInt32BE(index.indexOf('mdhd', edit) + 16)
    const list = [
      [hole.at * ticks, start],
      [hole.lasts * ticks, 0xffffffff],
      [length - hole.at * ticks, start + hole.at * media],
    ]
    for (const box of [edit, index.lastIndexOf('edts', edit), index.lastIndexOf('trak', edit)])
      grow(box - 4, 24)
    index.writeUInt32BE(list.length, edit + 8)
    const entries = Buffer.alloc(list.length * 12)
    for (const [n, [lasts = 0, from = 0]] of list.entries()) {
      entries.writeUInt32BE(lasts, n * 12)
      entries.writeUInt32BE(from, n * 12 + 4)
      entries.writeUInt32BE(0x10000, n * 12 + 8)
    }
    parts.push(index.subarray(done, edit + 12), entries)
    done = edit + 24
  }
  grow(0, 24 * ((parts.length - 1) / 2))
  return Buffer.concat([...parts, index.subarray(done)])
}
