import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { planSoundGrid } from '../../../worker/chunk/grid.ts'
import { audioArgs, loudnessArgs } from '../../../worker/media/args-audio.ts'
import type { SourceFacts } from '../../../worker/media/facts.ts'
import { detectHost } from '../../../worker/media/host.ts'
import { findGain, type Gain, parseLoudness } from '../../../worker/media/loudness.ts'
import { probeSource } from '../../../worker/media/probe.ts'
import { defaultProfile, type Profile } from '../../../worker/media/profile.ts'
import { planSounds } from '../../../worker/media/sounds.ts'
import { serveFile } from './serve.ts'

const limits = { maxSeconds: 43_200, maxPixels: 67_108_864 }

export interface Heard {
  readonly facts: SourceFacts
  readonly gain: Gain | undefined
  /** The finished rendition as one file, which any player opens. */
  readonly movie: string
}

/** Encodes the first track of a file with the worker's own commands, and no more than that: no pictures, no bucket. */
export async function encodeSound(file: string, changes: Partial<Profile> = {}): Promise<Heard> {
  const profile = { ...defaultProfile, ...changes }
  const outDir = `${file}.sound`
  await mkdir(outDir)
  const served = await serveFile(file)
  try {
    const host = await detectHost({ workerId: 'sound-test', path: process.env.PATH ?? '' })
    const facts = await probeSource({
      ...{ url: served.url, bytes: served.bytes, head: await headOf(file), host, limits, cwd: outDir },
      ...{ signal: AbortSignal.timeout(200_000) },
      tools: { probeBin: 'ffprobe', timeoutSeconds: 60, memoryMb: 8192, nice: 0 },
    })
    const { seconds } = facts
    const request = {
      ...{ url: served.url, facts, threads: 0, maxPixels: limits.maxPixels, profile, seconds, outDir },
      ...{ sound: planSounds(facts, profile)[0]!, grid: planSoundGrid({ seconds, segmentSeconds: 6 }) },
    }
    const { loudness = 'off' } = profile
    const measure = async (tried?: Gain) => {
      await execa('ffmpeg', loudnessArgs({ ...request, gain: tried }, 'loudness.txt'), { cwd: outDir })
      return parseLoudness(await readFile(join(outDir, 'loudness.txt'), 'utf8').catch(() => ''))
    }
    const gain = loudness === 'off' ? undefined : await findGain(loudness, measure)
    await execa('ffmpeg', audioArgs({ ...request, gain }))
    return { facts, gain, movie: await joined(outDir) }
  } finally {
    await served.close()
  }
}

/** A rendition's folder as one file: its init segment and all that follow. */
export async function joined(dir: string): Promise<string> {
  const names = (await readdir(dir)).filter((name) => /\.(m4s|mp4)$/.test(name)).sort()
  const movie = `${dir}.mp4`
  await writeFile(movie, Buffer.concat(await Promise.all(names.map((name) => readFile(join(dir, name))))))
  return movie
}

/** Samples of a file's first sound in mono at 48 kHz, 16 bits each. */
export async function samplesOf(movie: string): Promise<Buffer> {
  const raw = ['-v', 'error', '-i', movie, '-map', '0:a:0', '-ac', '1', '-ar', '48000', '-f', 's16le', '-']
  const { stdout } = await execa('ffmpeg', raw, { encoding: 'buffer' })
  return Buffer.from(stdout)
}

/** Seconds at which sound begins after at least a quarter of a second of silence. `loud`: of 32768. */
export function onsets(samples: Buffer, loud = 3000): number[] {
  const found: number[] = []
  let quietSince = -48_000
  for (let n = 0; n < samples.length / 2; n++) {
    if (Math.abs(samples.readInt16LE(n * 2)) < loud) continue
    if (n - quietSince > 12_000) found.push(n / 48_000)
    quietSince = n
  }
  return found
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
