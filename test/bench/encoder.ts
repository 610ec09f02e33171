/**
 * The worker's encoder settings against the reference, on real clips, at equal quality: CPU seconds, bytes, SSIM.
 * Two renditions, 720p and 360p. Takes a quarter of an hour on two idle cores.
 */
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { planGrid } from '../../worker/chunk/grid.ts'
import { withPictures } from '../../worker/media/facts.ts'
import { detectHost } from '../../worker/media/host.ts'
import { outputRate, planLadder } from '../../worker/media/ladder.ts'
import { probeSource } from '../../worker/media/probe.ts'
import { defaultProfile } from '../../worker/media/profile.ts'
import { serveFile } from '../integration/media/serve.ts'
import { root } from '../unit/house/sources.ts'
import { runCosted } from './child.ts'
import { type Clip, findClips } from './clips.ts'
import { type Compared, encoderFigures, encoderTable, putTable } from './encoder-table.ts'
import { bytesAt, nextCrf, type Point } from './equal.ts'
import type { BenchInput, Figures } from './figures.ts'
import { type Encoded, encodeOurs, encodeReference, type Opened, x264Version } from './sides.ts'

/** 720p and 360p, as the reference was stated. */
const referenceKbps = [2500, 800]
const shortSides = [720, 360]
/** Encodes with which the crf of equal quality is looked for. */
const mostTries = 5
const page = join(root, 'docs/encoding.md')
const profile = {
  ...defaultProfile,
  rungs: defaultProfile.rungs.filter(({ shortSide }) => shortSides.includes(shortSide)),
}

export async function measureEncoder(input: BenchInput): Promise<Figures> {
  const { env, folder, say, signal } = input
  const rows: Compared[] = []
  let x264 = 'unknown'
  for (const clip of await findClips({ env, say, signal })) {
    const served = await serveFile(clip.path)
    try {
      const opened = await open(clip, served, input)
      const row = { kind: clip.kind, ...(await compare(opened, folder, say)) }
      x264 = x264Version(join(folder, 'ours', opened.ladder[0]!.name))
      rows.push(row)
    } catch (error) {
      signal.throwIfAborted()
      say(`${clip.kind} skipped: ${error instanceof Error ? error.message : error}`)
    } finally {
      await served.close()
    }
  }
  if (rows.length === 0) throw new Error('no clip to measure with')
  const { stdout } = await runCosted(['ffmpeg', '-version'], signal)
  const version = /^ffmpeg version (\S+)/.exec(stdout)?.[1] ?? 'of unknown version'
  const where = `ffmpeg ${version}, x264 ${x264}, ${cpus().length} × ${cpus()[0]?.model.trim()}`
  const table = encoderTable(rows, where)
  say(`\n${table}`)
  if (input.docs) writeFileSync(page, putTable(readFileSync(page, 'utf8'), table))
  return encoderFigures(rows)
}

async function open(clip: Clip, served: { url: string; bytes: number }, input: BenchInput): Promise<Opened> {
  const { env, folder, signal } = input
  const limits = { maxSeconds: 600, maxPixels: 67_108_864 }
  const facts = withPictures(
    await probeSource({
      ...{ url: served.url, bytes: served.bytes, head: headOf(clip.path), limits, cwd: folder, signal },
      host: await detectHost({ workerId: 'bench', path: env.PATH ?? '' }),
      tools: { probeBin: 'ffprobe', timeoutSeconds: 60, memoryMb: 8192, nice: 0 },
    }),
  )
  const ladder = planLadder(facts, profile)
  if (ladder.length !== shortSides.length) throw new Error(`${clip.path} has no room for two renditions`)
  const grid = planGrid({
    ...{ rate: outputRate(facts, profile), seconds: facts.seconds, segmentSeconds: 6 },
    chunkSeconds: Number.POSITIVE_INFINITY,
  })
  return { path: clip.path, url: served.url, facts, ladder, grid, signal }
}

async function compare(
  clip: Opened,
  folder: string,
  say: (line: string) => void,
): Promise<Omit<Compared, 'kind'>> {
  const at = (name: string) => join(folder, name)
  const crfs = clip.ladder.map(({ crf }) => crf)
  const reference = await encodeReference(clip, referenceKbps, at('reference'))
  const ours = await encodeOurs(clip, profile, crfs, at('ours'))
  say(`${clip.path}: reference ${describe(reference)}, ours ${describe(ours)}`)

  const points: Point[][] = ours.renditions.map((rendition, rung) => [{ crf: crfs[rung]!, ...rendition }])
  let equal = { crfs, encoded: ours }
  for (let tries = 0; tries < mostTries; tries++) {
    const wanted = points.map((each, rung) => nextCrf(each, reference.renditions[rung]!.ssim))
    if (wanted.every((crf) => crf === undefined)) break
    const next = wanted.map((crf, rung) => crf ?? equal.crfs[rung]!)
    equal = { crfs: next, encoded: await encodeOurs(clip, profile, next, at('equal')) }
    equal.encoded.renditions.forEach((rendition, rung) => {
      points[rung]!.push({ crf: next[rung]!, ...rendition })
    })
    say(`${clip.path}: crf ${next.join(' and ')}: ${describe(equal.encoded)}`)
  }

  // Once more each, in turn: the smaller time of two is the less disturbed one.
  const again = [
    await encodeReference(clip, referenceKbps, at('again'), false),
    await encodeOurs(clip, profile, crfs, at('again'), false),
    await encodeOurs(clip, profile, equal.crfs, at('again'), false),
  ] as const
  const videoBytes = points.map((each, rung) => bytesAt(each, reference.renditions[rung]!.ssim))
  return {
    names: clip.ladder.map(({ name }) => name),
    reference: { crfs: undefined, ...lesser(reference, again[0]) },
    ours: { crfs, ...lesser(ours, again[1]) },
    equal: { crfs: equal.crfs, ...lesser(equal.encoded, again[2]) },
    // What the points do not reach has no figure.
    equalBytes: videoBytes.reduce<number | undefined>(
      (total, bytes) => (total === undefined || bytes === undefined ? undefined : total + bytes),
      ours.soundBytes,
    ),
  }
}

function lesser(one: Encoded, other: Encoded): Encoded {
  return { ...one, cpuSeconds: Math.min(one.cpuSeconds, other.cpuSeconds) }
}

function describe({ cpuSeconds, renditions }: Encoded): string {
  const sizes = renditions.map(({ bytes, ssim }) => `${Math.round(bytes / 1000)} kB at ${ssim.toFixed(4)}`)
  return `${cpuSeconds.toFixed(2)} s CPU, ${sizes.join(', ')}`
}

function headOf(path: string): Buffer {
  const handle = openSync(path, 'r')
  try {
    const head = Buffer.alloc(65_536)
    return head.subarray(0, readSync(handle, head, 0, head.length, 0))
  } finally {
    closeSync(handle)
  }
}
