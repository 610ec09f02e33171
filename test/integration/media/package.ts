import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WorkerError } from '../../../shared/errors.ts'
import { planGrid } from '../../../worker/chunk/grid.ts'
import { audioArgs } from '../../../worker/media/args-audio.ts'
import { videoChunkArgs } from '../../../worker/media/args-video.ts'
import { type FilmFacts, type SourceLimits, withPictures } from '../../../worker/media/facts.ts'
import { isEmptySegment, parseInit, parseSegment } from '../../../worker/media/fmp4.ts'
import { detectHost } from '../../../worker/media/host.ts'
import { outputRate, planLadder } from '../../../worker/media/ladder.ts'
import {
  type AudioRendition,
  iframePlaylist,
  masterPlaylist,
  mediaPlaylist,
  type PlaylistSegment,
  storyboardVtt,
  targetDuration,
  type VideoVariant,
} from '../../../worker/media/playlist.ts'
import { makePoster } from '../../../worker/media/poster.ts'
import { probeSource } from '../../../worker/media/probe.ts'
import { defaultProfile, type Profile } from '../../../worker/media/profile.ts'
import { runTool, type ToolPurpose } from '../../../worker/media/run.ts'
import { planSounds } from '../../../worker/media/sounds.ts'
import { storyboardCues, storyboardPlan } from '../../../worker/media/storyboard.ts'
import type { Grid } from '../../../worker/media/timeline.ts'
import { serveFile } from './serve.ts'

export interface PackageOptions {
  readonly file: string
  /** Made new; holds nothing but the HLS tree afterwards. */
  readonly outDir: string
  readonly signal: AbortSignal
  readonly chunkSeconds?: number
  readonly profile?: Profile
  readonly limits?: SourceLimits
}

export interface Packaged {
  readonly master: string
  readonly facts: FilmFacts
  readonly grid: Grid
  readonly lively: boolean
  /** Wall seconds of each step. */
  readonly timing: Readonly<Record<string, number>>
}

/** Packages one file with nothing but worker/media: what a job does, one step after the other, without a bucket. */
export async function packageFile(options: PackageOptions): Promise<Packaged> {
  const { outDir, signal, profile = defaultProfile } = options
  const limits = options.limits ?? { maxSeconds: 43_200, maxPixels: 8192 * 8192 }
  await rm(outDir, { recursive: true, force: true })
  await mkdir(outDir, { recursive: true })
  const host = await detectHost({ workerId: 'media-test', path: process.env.PATH ?? '' })
  const served = await serveFile(options.file)
  const timing: Record<string, number> = {}
  const timed = async <T>(step: string, work: Promise<T>): Promise<T> => {
    const start = performance.now()
    const result = await work
    timing[step] = (timing[step] ?? 0) + (performance.now() - start) / 1000
    return result
  }
  const run = (what: ToolPurpose, args: string[]) =>
    timed(
      what,
      runTool({
        ...{ host, what, bin: 'ffmpeg', args, signal, cwd: outDir },
        limits: { memoryMb: 8192, nice: 0 },
        stallMs: 120_000,
        onProgress: () => {},
      }),
    )

  try {
    const facts = withPictures(
      await timed(
        'probe',
        probeSource({
          ...{
            url: served.url,
            bytes: served.bytes,
            head: await headOf(options.file),
            host,
            limits,
            cwd: outDir,
          },
          ...{ signal, tools: { probeBin: 'ffprobe', timeoutSeconds: 60, memoryMb: 8192, nice: 0 } },
        }),
      ),
    )
    const ladder = planLadder(facts, profile)
    const grid = planGrid({
      rate: outputRate(facts, profile),
      seconds: facts.seconds,
      segmentSeconds: 6,
      chunkSeconds: facts.seek.mode === 'none' ? Number.POSITIVE_INFINITY : (options.chunkSeconds ?? 120),
    })
    const source = { url: served.url, facts, threads: 0, maxPixels: limits.maxPixels }

    const sheets = []
    for (const { name } of ladder) await mkdir(join(outDir, name))
    for (const chunk of grid.chunks) {
      const request = { ...source, ladder, grid, chunk, profile, outDir }
      await run('video', videoChunkArgs(request)).catch((error: unknown) => {
        // Past the real end there is nothing to decode.
        if (chunk.index === 0 || !(error instanceof WorkerError) || error.code !== 'no_frames') throw error
      })
    }
    const variants: VideoVariant[] = []
    for (const { name, width, height, rate } of ladder) {
      const track = await readTrack(join(outDir, name))
      variants.push({
        ...{ name, uri: `${name}/index.m3u8`, iframesUri: `${name}/iframes.m3u8`, width, height, rate },
        ...{ codec: track.codec, segments: track.segments },
      })
    }
    const seconds = variants[0]!.segments.reduce((sum, segment) => sum + segment.seconds, 0)
    for (const chunk of grid.chunks) {
      const board = storyboardPlan({ ladder, grid, chunk, profile })
      const end = chunk.last ? seconds : Math.min(seconds, grid.chunks[chunk.index + 1]!.startSeconds)
      if (end <= chunk.startSeconds) continue
      const { columns, width, height } = board
      for (const { sheet, cues } of storyboardCues(board, chunk.startSeconds, end - chunk.startSeconds)) {
        sheets.push({ uri: sheet, cues, columns, width, height })
      }
    }

    const audio: AudioRendition[] = []
    for (const [position, sound] of planSounds(facts, profile).entries()) {
      const { track } = sound
      const dir = join(outDir, `audio-${position}`)
      await mkdir(dir)
      await run('audio', audioArgs({ ...source, sound, grid, profile, seconds, outDir: dir }))
      const { codec, segments } = await readTrack(dir)
      audio.push({
        ...{ uri: `audio-${position}/index.m3u8`, codec, language: track.language, channels: 2, segments },
        ...{ name: track.title || `Audio ${position + 1}`, isDefault: track.isDefault },
      })
    }

    const poster = await timed(
      'poster',
      makePoster({
        ...{ ...source, bin: 'ffmpeg', host, signal, cwd: outDir, path: join(outDir, 'poster.jpg') },
        ...{ limits: { memoryMb: 8192, nice: 0 }, timeoutMs: 600_000 },
      }),
    )

    const target = targetDuration(...variants.map((v) => v.segments), ...audio.map((a) => a.segments))
    for (const track of [...variants, ...audio]) {
      const text = mediaPlaylist(track.segments, { target, initUri: 'init.mp4' })
      await writeFile(join(outDir, track.uri), text)
    }
    for (const { iframesUri, segments } of variants) {
      await writeFile(join(outDir, iframesUri!), iframePlaylist(segments, { target, initUri: 'init.mp4' }))
    }
    await writeFile(join(outDir, 'storyboard.vtt'), storyboardVtt(sheets))
    const master = join(outDir, 'master.m3u8')
    await writeFile(master, masterPlaylist({ variants, audio, target }))
    return { master, facts, grid, lively: poster.lively, timing }
  } finally {
    await served.close()
  }
}

/** A finished rendition folder: what its boxes say, in segment order. Removes ffmpeg's own playlist. */
async function readTrack(dir: string): Promise<{ codec: string; segments: PlaylistSegment[] }> {
  await rm(join(dir, 'ffmpeg.m3u8'), { force: true })
  const { codec, timescale } = parseInit(await readFile(join(dir, 'init.mp4')))
  const segments: PlaylistSegment[] = []
  for (const uri of (await readdir(dir)).filter((name) => name.endsWith('.m4s')).sort()) {
    const data = await readFile(join(dir, uri))
    if (isEmptySegment(data)) {
      await rm(join(dir, uri))
      continue
    }
    const { seconds, firstKeyframe } = parseSegment(data, timescale)
    const bytes = data.length
    segments.push({ number: segments.length, uri, seconds, bytes, keyframe: firstKeyframe })
  }
  return { codec, segments }
}

async function headOf(file: string): Promise<Buffer> {
  const handle = await open(file)
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(65_536), 0, 65_536, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
