/** Flashes and beeps of the files that are made (made-files.ts), found in what became of them. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const sampleRate = 48_000
/** Beeps and flashes are two seconds apart; what stands further apart than this does not belong together. */
const together = 0.5

/** How far each beep is behind its flash, in seconds; flashes without a beep and beeps without a flash are left out. */
export function pairs(flashes: readonly number[], beeps: readonly number[]): number[] {
  return flashes.flatMap((flash) => {
    const offsets = beeps.map((beep) => beep - flash).filter((offset) => Math.abs(offset) < together)
    return offsets.toSorted((a, b) => Math.abs(a) - Math.abs(b)).slice(0, 1)
  })
}

/** When the pictures turn white, in seconds from the first one. rate: of the output, which is constant. */
export async function flashesOf(playlist: string, rate: number, signal: AbortSignal): Promise<number[]> {
  const tiny = ['-vf', 'scale=1:1:flags=area,format=gray', '-fps_mode', 'passthrough', '-f', 'rawvideo']
  const lumas = [...(await decoded(playlist, ['-map', '0:v:0', ...tiny], signal))]
  const usual = lumas.toSorted((a, b) => a - b)[Math.floor(lumas.length / 2)] ?? 0
  const white = (usual + Math.max(usual, ...lumas)) / 2
  return lumas.flatMap((luma, frame) =>
    luma > white && (lumas[frame - 1] ?? 0) <= white ? [frame / rate] : [],
  )
}

/** When sound begins after a quarter of a second of quiet, in seconds. */
export async function beepsOf(playlist: string, signal: AbortSignal): Promise<number[]> {
  const mono = ['-map', '0:a:0', '-ac', '1', '-ar', String(sampleRate), '-f', 's16le']
  const bytes = await decoded(playlist, mono, signal)
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 2))
  const loud = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) / 4
  const found: number[] = []
  let last = -sampleRate
  for (const [at, sample] of samples.entries()) {
    // Less than this is the noise that encoders make of silence.
    if (Math.abs(sample) < Math.max(loud, 300)) continue
    if (at - last > sampleRate / 4) found.push(at / sampleRate)
    last = at
  }
  return found
}

async function decoded(playlist: string, args: readonly string[], signal: AbortSignal): Promise<Buffer> {
  const all = [
    '-v',
    'error',
    '-nostdin',
    ...(playlist.endsWith('.m3u8') ? ['-allowed_extensions', 'ALL'] : []),
    '-i',
    playlist,
    ...args,
    '-',
  ]
  const options = { signal, encoding: 'buffer', maxBuffer: 256 * 2 ** 20 } as const
  return (await run('ffmpeg', all, options)).stdout
}
