/**
 * Mutated files through probe and plan, as a job takes them: whatever a file holds, it ends with a plan or with a
 * reason that a person understands, in bounded time.
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { WorkerError } from '../../shared/errors.ts'
import { planGrid, planSoundGrid } from '../../worker/chunk/grid.ts'
import { passthroughObjection, planPassthrough } from '../../worker/chunk/passthrough.ts'
import { detectHost, type ToolHost } from '../../worker/media/host.ts'
import { outputRate, planLadder } from '../../worker/media/ladder.ts'
import { readSampleIndex } from '../../worker/media/mp4-index.ts'
import { probeSource } from '../../worker/media/probe.ts'
import { defaultProfile } from '../../worker/media/profile.ts'
import { chance } from '../bench/chance.ts'
import { serveFile } from '../integration/media/serve.ts'
import { mutate } from './mutate.ts'

/** Larger ones take long and hold nothing that a smaller one has not. */
const mostBytes = 3 * 2 ** 20
/** What a probe may take before it counts as a hang, in seconds: many times what it takes on a busy machine. */
const patienceSeconds = 120

export interface FileFuzz {
  /** Files to damage; without it some are made. */
  readonly corpus: string | undefined
  readonly count: number
  readonly seed: number
  /** For the files; those that were found out stay in it. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly onFile?: (line: string) => void
}

export interface FileFindings {
  /** How many files ended so: `planned`, or an error's code. */
  readonly ends: Readonly<Record<string, number>>
  /** Files that crashed something, hung, or ended without a reason. */
  readonly findings: readonly string[]
  /** What the slowest of them took, and which it was. */
  readonly longest: { readonly seconds: number; readonly file: string }
}

/** Damages `count` files, one after the other. The same seed damages the same files in the same way. */
export async function fuzzFiles(fuzz: FileFuzz): Promise<FileFindings> {
  await mkdir(fuzz.folder, { recursive: true })
  const files = await sourceFiles(fuzz)
  const host = await detectHost({ workerId: 'fuzz', path: process.env.PATH ?? '' })
  const ends: Record<string, number> = {}
  const findings: string[] = []
  let longest = { seconds: 0, file: '' }
  for (let index = 0; index < fuzz.count; index++) {
    // Each file has chances of its own: one of them can be tried again alone.
    const random = chance(fuzz.seed * 1_000_003 + index)
    const pick = () => files[Math.floor(random() * files.length)]!
    const [source, lender] = [pick(), pick()]
    const { data, how } = mutate(await readFile(source), await readFile(lender), random)
    const path = join(fuzz.folder, `${index}-${basename(source)}`)
    await writeFile(path, data)
    const started = performance.now()
    const end = await endOf(path, data, host, fuzz)
    const seconds = Math.round(performance.now() - started) / 1000
    if (seconds > longest.seconds) longest = { seconds, file: `${index} ${basename(source)} (${how})` }
    ends[end.what] = (ends[end.what] ?? 0) + 1
    const line = `${index} ${basename(source)} (${how}): ${end.what}${end.message ? `: ${end.message}` : ''}`
    fuzz.onFile?.(line)
    if (end.found) findings.push(line)
    else await rm(path)
  }
  return { ends, findings, longest }
}

/** A fault of ours or of nobody knows what: a damaged file has to be the file's fault. */
const unclassified = ['internal', 'probe_failed', 'probe_timeout', 'spawn_failed']

async function endOf(path: string, data: Buffer, host: ToolHost, { folder, signal }: FileFuzz) {
  const served = await serveFile(path)
  try {
    await plan({ url: served.url, data, host, folder, signal })
    return { what: 'planned', message: '', found: false }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof WorkerError)) return { what: 'crash', message: String(error), found: true }
    const { code, message } = error
    // What a person reads names neither our addresses nor our folders.
    return { what: code, message, found: unclassified.includes(code) || /127\.0|\/tmp/.test(message) }
  } finally {
    await served.close()
  }
}

interface Planning {
  url: string
  data: Buffer
  host: ToolHost
  folder: string
  signal: AbortSignal
}

async function plan({ url, data, host, folder, signal }: Planning): Promise<void> {
  const facts = await probeSource({
    ...{ url, bytes: data.length, head: data.subarray(0, 65_536), host, cwd: folder, signal },
    limits: { maxSeconds: 43_200, maxPixels: 67_108_864 },
    tools: { probeBin: 'ffprobe', timeoutSeconds: patienceSeconds, memoryMb: 2048, nice: 0 },
  })
  if (!facts.video) {
    if (facts.audio.length === 0 || !(facts.seconds > 0)) throw new Error('a plan of nothing')
    planSoundGrid({ seconds: facts.seconds, segmentSeconds: 6 })
    return
  }
  const ladder = planLadder(facts, defaultProfile)
  const rate = outputRate(facts, defaultProfile)
  const grid = planGrid({ rate, seconds: facts.seconds, segmentSeconds: 6, chunkSeconds: 120 })
  if (ladder.length === 0 || grid.chunks.length === 0 || !(grid.totalFrames > 0))
    throw new Error(`a plan of nothing: ${ladder.length} renditions, ${grid.totalFrames} pictures`)
  const most = Math.ceil(((facts.seconds + 1) * rate.num) / rate.den)
  const moov = data.indexOf('moov', 4, 'latin1')
  if (moov >= 4 && passthroughObjection({ facts, ladder }) === undefined) {
    const index = readSampleIndex(data.subarray(moov - 4), facts.video.index, most)
    if (index) planPassthrough({ facts, ladder, grid, index })
  }
  const text = JSON.stringify({ ladder, grid, facts }, (_, value) => {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('a number that is none')
    return value
  })
  if (text.length > 10 * 2 ** 20) throw new Error(`a plan of ${text.length} bytes`)
}

async function sourceFiles({ corpus, folder }: FileFuzz): Promise<string[]> {
  if (corpus === undefined) return makeSources(join(folder, 'sources'))
  const files: string[] = []
  for (const name of (await readdir(corpus)).sort()) {
    const found = await stat(join(corpus, name))
    if (found.isFile() && found.size > 0 && found.size <= mostBytes && name !== 'manifest.json')
      files.push(join(corpus, name))
  }
  return files
}

const clips: Readonly<Record<string, readonly string[]>> = {
  'plain.mp4': ['-c:v', 'libx264', '-g', '20', '-c:a', 'aac'],
  'fragmented.mp4': ['-c:v', 'libx264', '-c:a', 'aac', '-movflags', '+frag_keyframe+empty_moov'],
  'matroska.mkv': ['-c:v', 'libx264', '-c:a', 'aac'],
  'broadcast.ts': ['-c:v', 'mpeg2video', '-c:a', 'mp2'],
  'camcorder.avi': ['-c:v', 'mjpeg', '-c:a', 'pcm_s16le'],
  'flash.flv': ['-c:v', 'flv1', '-c:a', 'mp3', '-ar', '44100'],
}

async function makeSources(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const input = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=2', '-f', 'lavfi', '-i', 'sine=d=2']
  for (const [name, args] of Object.entries(clips))
    await execa('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...input, ...args, join(folder, name)])
  return Object.keys(clips).map((name) => join(folder, name))
}
