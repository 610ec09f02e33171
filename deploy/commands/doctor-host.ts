import type { Config } from '../../shared/config.ts'
import { asWorkerError } from '../../shared/errors.ts'
import { checkScratch } from '../../shared/scratch.ts'
import { missingIn, neededOfFfmpeg } from '../../shared/tool-needs.ts'
import { askProgram } from './ask-program.ts'
import type { CommandContext } from './context.ts'
import type { Notes } from './finding.ts'

/** package.json's engines: the first that runs TypeScript as it is. */
const oldestNode = 24
/** Of disk space: so many reserves are comfortable, one is the least. */
const comfortable = 4

export async function checkHost(config: Config, notes: Notes, context: CommandContext): Promise<void> {
  const node = process.versions.node
  if (Number.parseInt(node, 10) >= oldestNode) notes.ok('node', node)
  else notes.fail('node', node, `install Node ${oldestNode} or later`)
  await checkDisk(config, notes)
  await checkPrograms(config, notes, context.signal)
}

async function checkDisk({ scratch }: Config, notes: Notes): Promise<void> {
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  try {
    const free = await checkScratch(scratch)
    const found = `${scratch.dir}: ${gigabytes(free)} free`
    if (free >= comfortable * scratch.minFreeBytes) notes.ok('scratch', found)
    else
      notes.warn(
        'scratch',
        found,
        'the longest source needs as much again as its file: use a larger disk or instance store',
      )
  } catch (error) {
    notes.fail(
      'scratch',
      asWorkerError(error).message,
      'mount the scratch disk, and give it to the worker’s user',
    )
  }
}

async function checkPrograms({ ffmpeg }: Config, notes: Notes, signal: AbortSignal): Promise<void> {
  for (const [name, bin] of Object.entries({ ffmpeg: ffmpeg.bin, ffprobe: ffmpeg.probeBin })) {
    try {
      const [first = ''] = (await askProgram(bin, ['-version'], signal)).split('\n')
      notes.ok(name, first.split(' Copyright')[0] ?? bin)
    } catch (error) {
      signal.throwIfAborted()
      const variable = name === 'ffmpeg' ? 'FFMPEG_BIN' : 'FFPROBE_BIN'
      return notes.fail(name, (error as Error).message, `install ffmpeg, or name it in ${variable}`)
    }
  }
  const kinds = Object.keys(neededOfFfmpeg) as (keyof typeof neededOfFfmpeg)[]
  const lists = await Promise.all(
    kinds.map((kind) => askProgram(ffmpeg.bin, ['-hide_banner', `-${kind}`], signal)),
  )
  const missing = kinds.flatMap((kind, at) => missingIn(kind, lists[at] ?? ''))
  if (missing.length === 0) notes.ok('ffmpeg', 'every encoder, muxer and filter is there')
  else
    notes.fail('ffmpeg', `lacks ${missing.join(', ')}`, 'install a full build (Debian’s ffmpeg has them all)')
  if (!/\blibwebp\b/.test(lists[kinds.indexOf('encoders')] ?? ''))
    notes.warn('ffmpeg', 'lacks libwebp', 'only profiles that ask for WebP posters need it')
}
