import { missingIn, neededOfFfmpeg } from '../../shared/tool-needs.ts'
import { askProgram } from '../commands/ask-program.ts'

/**
 * Run while the image is built: its ffmpeg has everything that a worker or a profile may ask for. A worker alone would
 * take an ffmpeg without the optional ones and hand such jobs back; in a fleet of one image they would never be done.
 */
const optional = ['libx265', 'libsvtav1', 'libwebp']
const { signal } = new AbortController()
const list = (kind: string) => askProgram('ffmpeg', ['-hide_banner', `-${kind}`], signal)

try {
  const kinds = Object.keys(neededOfFfmpeg) as (keyof typeof neededOfFfmpeg)[]
  const lists = new Map(await Promise.all(kinds.map(async (kind) => [kind, await list(kind)] as const)))
  const encoders = new Set(lists.get('encoders')?.split(/\s+/))
  const missing = [
    ...kinds.flatMap((kind) => missingIn(kind, lists.get(kind) ?? '')),
    ...optional.filter((name) => !encoders.has(name)).map((name) => `encoder ${name}`),
  ]
  const [first = ''] = (await askProgram('ffprobe', ['-version'], signal)).split('\n')
  process.stdout.write(missing.length === 0 ? `${first}: everything is there\n` : '')
  if (missing.length > 0) throw new Error(`ffmpeg lacks ${missing.join(', ')}`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
