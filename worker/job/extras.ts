import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheControlOf, contentTypeOf } from '../../shared/keys.ts'
import { posterName } from '../chunk/layout.ts'
import type { Plan } from '../chunk/ledger.ts'
import { type PosterSize, posterSizesArgs } from '../media/args-poster-sizes.ts'
import { previewArgs } from '../media/args-preview.ts'
import type { ToolHost } from '../media/host.ts'
import { posterSize } from '../media/poster.ts'
import { runTool } from '../media/run.ts'
import { posterLimits } from '../media/tool-limits.ts'
import { readMade, writeBeside } from './made-files.ts'
import type { OpenVideo } from './opening.ts'
import type { VideoSpec } from './video.ts'

/** What the profile wants beside the poster, by name in the job's folder: the poster in other sizes, and a preview. */
export function extrasOf(
  plan: Plan,
  host: ToolHost,
): { sizes: (PosterSize & { name: string })[]; preview: boolean } {
  const { posterSizes = [], previewSeconds = 0 } = plan.profile
  const formats = host.webp ? (['jpg', 'webp'] as const) : (['jpg'] as const)
  const stem = posterName(plan).replace(/\.jpg$/, '')
  const { facts } = plan
  const picture = facts.video ?? facts.cover
  const widest = picture ? posterSize(picture).width : 0
  const sizes = [...new Set(posterSizes)]
    .filter((width) => width <= widest)
    .flatMap((width) => formats.map((format) => ({ width, format, name: `${stem}-${width}.${format}` })))
  return { sizes, preview: previewSeconds > 0 && facts.video !== undefined }
}

/** Whether an object in the job's folder is a picture for people, which no playlist names. */
export function isExtra(name: string): boolean {
  return /^((poster|thumbnail)(-\d+)?\.(jpg|webp)|preview\.mp4)$/.test(name)
}

/**
 * Makes and stores the extras that are not in the bucket yet. Nobody sees them before the master; a failure is the
 * job's, as that of its poster is.
 */
export async function makeExtras(
  spec: VideoSpec,
  { source, context }: OpenVideo,
  plan: Plan,
  poster: Buffer,
  present: ReadonlyMap<string, number>,
): Promise<void> {
  const { config, storage, signal, host, logger } = context
  // Of their own: beside it lies the source.
  const dir = join(context.dir, 'extras')
  await mkdir(dir, { recursive: true })
  const run = (args: string[]) =>
    runTool({
      ...{ host, what: 'poster', bin: config.ffmpeg.bin, args, signal, cwd: dir, logger },
      limits: posterLimits(config.ffmpeg, config.stall.stageSeconds),
      timeoutMs: config.stall.stageSeconds * 1000,
    }).catch((error: unknown) => {
      throw source.failure() ?? error
    })
  const store = async (name: string) => {
    const key = spec.folder + name
    const head = { contentType: contentTypeOf(key), cacheControl: cacheControlOf(key), signal }
    await storage.put(key, await readMade(join(dir, name)), head)
  }

  const wanted = extrasOf(plan, host)
  const sizes = wanted.sizes.filter(({ name }) => !present.has(name))
  if (sizes.length > 0) {
    const whole = join(dir, 'whole.jpg')
    await writeBeside(whole, poster)
    await run(
      posterSizesArgs(
        whole,
        sizes.map((size) => ({ ...size, path: join(dir, size.name) })),
      ),
    )
    for (const { name } of sizes) await store(name)
  }
  const { facts } = plan
  if (facts.video && wanted.preview && !present.has('preview.mp4')) {
    await run(
      previewArgs({
        ...{ url: source.url, facts, rate: plan.grid.rate, path: join(dir, 'preview.mp4') },
        ...{ threads: config.ffmpeg.threads, maxPixels: config.limits.maxPixels },
        seconds: plan.profile.previewSeconds ?? 0,
      }),
    )
    await store('preview.mp4')
  }
}
