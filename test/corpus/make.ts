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
  if (patch) await writeFile(join(dir, file), patch(await readFile(join(dir, file))))
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
