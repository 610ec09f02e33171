/** Pictures and sound of finished files, decoded and measured by ffmpeg and ffprobe. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)
const quiet = ['-v', 'error']
/** Of AAC-LC. In an MP4 its clock ticks once a sample. */
const samplesPerPacket = 1024
const playlists = ['-allowed_extensions', 'ALL']

/** How many pictures come out of a file or playlist when it is decoded. */
export async function countFrames(file: string, signal: AbortSignal): Promise<number> {
  return (await frameTimes(file, signal)).length
}

/** The time of each decoded picture, in seconds as ffprobe writes them. */
export async function frameTimes(file: string, signal: AbortSignal): Promise<string[]> {
  const entries = ['-select_streams', 'v:0', '-show_entries', 'frame=best_effort_timestamp_time']
  const text = await probe(file, entries, signal)
  // Side data of a picture adds a comma to its line, and a line of its own.
  return text.map((line) => line.replace(/,.*/, '')).filter((line) => line !== '')
}

/**
 * Likeness (SSIM of all planes, 1 is the same) of each picture to the source's of the same number. size: of the
 * pictures that are judged; the source is scaled to it. folder: for ffmpeg's own list.
 */
export async function likeness(
  file: string,
  source: string,
  { width, height, folder }: { width: number; height: number; folder: string },
  signal: AbortSignal,
): Promise<number[]> {
  // By number, not by time: an offset of half a picture must not compare neighbours.
  const graph = [
    '[0:v:0]settb=1/1000,setpts=N*40[made]',
    `[1:v:0]scale=${width}:${height}:flags=bicubic,settb=1/1000,setpts=N*40[wanted]`,
    '[made][wanted]ssim=stats_file=ssim.txt',
  ].join(';')
  const inputs = [...playlists, '-i', file, '-i', source]
  const args = [...quiet, '-nostdin', ...inputs, '-lavfi', graph, '-f', 'null', '-']
  await run('ffmpeg', args, { cwd: folder, signal })
  const lines = readFileSync(`${folder}/ssim.txt`, 'utf8').trim().split('\n')
  return lines.map((line) => Number(/All:([\d.]+)/.exec(line)?.[1]))
}

/** Hash of the decoded sound, sample by sample. */
export async function soundHash(file: string, signal: AbortSignal): Promise<string> {
  const args = [...quiet, '-nostdin', ...playlists, '-i', file, '-map', '0:a:0', '-f', 'md5', '-']
  return (await run('ffmpeg', args, { signal })).stdout.trim()
}

/** The longest silence or overlap between two packets of AAC that should follow each other, in samples. */
export async function soundGap(file: string, signal: AbortSignal): Promise<number> {
  const entries = ['-select_streams', 'a:0', '-show_entries', 'packet=pts']
  const starts = (await probe(file, entries, signal)).map((line) => Number.parseInt(line, 10))
  const gaps = starts.slice(1).map((start, index) => Math.abs(start - starts[index]! - samplesPerPacket))
  return Math.max(0, ...gaps)
}

async function probe(file: string, entries: readonly string[], signal: AbortSignal): Promise<string[]> {
  const input = file.endsWith('.m3u8') ? [...playlists, '-i', file] : ['-i', file]
  const args = [...quiet, ...entries, '-of', 'csv=p=0', ...input]
  const { stdout } = await run('ffprobe', args, { maxBuffer: 1 << 28, signal })
  return stdout.trim().split('\n')
}
