import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Environment of a worker that does this to itself on SIGUSR2: injury.ts. `more`: further options of Node. */
export function injury(what: 'clock' | 'block' | 'heap', argument = '', more = ''): Record<string, string> {
  const preload = fileURLToPath(new URL('./injury.ts', import.meta.url))
  return { INJURY: `${what}=${argument}`, NODE_OPTIONS: `--import=${preload} ${more}`.trim() }
}

/**
 * An ffmpeg that runs these lines of sh(1) where its arguments fit the pattern (as of `case`), and is ffmpeg everywhere
 * else. Resolves to its path, for FFMPEG_BIN. folder: for this one alone, since the sandbox shows all of it.
 */
export async function brokenFfmpeg(
  folder: string,
  pattern: '*/chunk-*' | '*/poster.jpg*',
  lines: readonly string[],
): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'ffmpeg')
  const script = ['#!/bin/sh', 'case "$*" in', `${pattern})`, ...lines, ';;', 'esac', 'exec ffmpeg "$@"', '']
  await writeFile(path, script.join('\n'))
  await chmod(path, 0o755)
  return path
}
