/**
 * Awkward files that ffmpeg can make, as data. All show test pictures with a white flash of 0.12 s at 1, 3, 5 … s, and
 * beep with it: whatever a container does to their times, flash and beep belong together.
 */

/** One file: how it is made, and what must come of it. */
export interface MadeFile {
  readonly file: string
  /** Commands for ffmpeg without `-y`, one after the other, in the folder of the files. Parts of a file are `part-…`. */
  readonly steps: readonly string[]
  /** Files that the steps read. */
  readonly beside?: Readonly<Record<string, string | Uint8Array>>
  /** Files whose bytes, one after the other, are this one. */
  readonly splice?: readonly string[]
  /** Last of all, on the file's bytes. */
  readonly patch?: (bytes: Buffer) => Buffer
  /** Upright, in square pixels. Without it 320x180. */
  readonly size?: string
  /** Of the pictures; without it 8. */
  readonly seconds?: number
  /** Of the source; without it 25 a second. */
  readonly frames?: number
  readonly variableRate?: boolean
  /** Pictures a second that must come out; without it not looked at. */
  readonly rate?: number
  /** Without it: yes. */
  readonly audio?: boolean
  /** How many flashes come with their beep; without it 4. */
  readonly pairs?: number
  /** How much each picture must be like the source's at its time, in dB (likeness.ts); without it not looked at. */
  readonly alike?: number
  /** Whether flashes and beeps can be told; without it: yes. */
  readonly inStep?: boolean
  readonly expect?: 'either'
}

const lit = 'lt(mod(t+1.001\\,2)\\,0.12)'
/** Pictures, with their flashes. The first one stands at `from` seconds. */
export const see = (seconds = 8, rate = '25', size = '320x180', from = 0) =>
  `-f lavfi -i testsrc2=s=${size}:r=${rate}:d=${seconds},drawbox=t=fill:c=white:enable='${lit.replace('t+', `t+${from}+`)}'`
export const hear = (seconds = 8, rate = 48_000, layout = 'mono', from = 0) => {
  const beep = `0.7*sin(1760*PI*t)*${lit.replace('t+', `t+${from}+`)}`
  return `-f lavfi -i aevalsrc=exprs='${beep}':s=${rate}:d=${seconds},aformat=channel_layouts=${layout}`
}
export const both = (seconds?: number, rate?: string, size?: string) =>
  `${see(seconds, rate, size)} ${hear(seconds)}`
export const x264 = '-c:v libx264 -preset veryfast -pix_fmt yuv420p'
export const closed = `${x264} -g 50 -x264-params scenecut=0:open-gop=0`
export const opened = `${x264} -bf 3 -x264-params scenecut=0:open-gop=1:keyint=50:min-keyint=50`
export const x265 =
  '-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:scenecut=0:bframes=3'
export const openHevc = `${x265}:open-gop=1:keyint=50:min-keyint=50`
export const refreshed = `${x264} -x264-params intra-refresh=1:keyint=50:scenecut=0`
export const aac = '-c:a aac'
export const mp2 = '-c:a mp2 -b:a 128k'
/** Half-pictures of 59.94 a second woven into 29.97. */
export const woven = (first: string) => `-vf interlace=scan=${first}:lowpass=0`
export const mpeg2 = '-c:v mpeg2video -q:v 3'

/** A file of one command. */
export const one = (
  file: string,
  command: string,
  rest: Omit<MadeFile, 'file' | 'steps'> = {},
): MadeFile => ({
  ...{ file, steps: [`${command} ${file}`] },
  ...rest,
})
/** A file of several commands. */
export const more = (
  file: string,
  steps: string[],
  rest: Omit<MadeFile, 'file' | 'steps'> = {},
): MadeFile => ({
  ...{ file, steps },
  ...rest,
})
/** Two recordings of 4 s each, one behind the other, the clock of the second as told. */
export const spliced = (
  file: string,
  second: string,
  rest: Omit<MadeFile, 'file' | 'steps'> = {},
  sound = aac,
): MadeFile => {
  const [a, b] = [`part-a-${file}`, `part-b-${file}`]
  const steps = [`${both(4)} ${closed} ${sound} ${a}`, `${second} ${b}`]
  return { ...more(file, steps, rest), splice: [a, b] }
}
/** A recording of 12 s of which the first 4.84 are missing: every packet in front of that is dropped. */
export const cutShort = (file: string, codec: string, rest: Omit<MadeFile, 'file' | 'steps'>): MadeFile => {
  const drop = "noise=amount=0:drop='lt(pts*tb\\,4.84)'"
  const copy = `-c copy -copyinkf -bsf:v ${drop} -bsf:a ${drop}`
  return more(file, [`${both(12)} ${codec} ${aac} part-${file}`, `-i part-${file} ${copy} ${file}`], rest)
}

/** AMR in frames of 20 ms (RFC 4867 5): noise where a beep is, else no data. ffmpeg reads AMR and does not write it. */
export function speech(seconds: number): Uint8Array {
  const frames = Array.from({ length: seconds * 50 }, (_, n) =>
    (n + 50) % 100 < 6
      ? [0x3c, ...Array.from({ length: 31 }, (_, i) => ((n + 7) * (i + 3) * 37) % 256)]
      : [0x7c],
  )
  return Uint8Array.from([...Buffer.from('#!AMR\n'), ...frames.flat()])
}

/** Seconds at which the hole opens, and how long it is. */
const hole = { at: 4.5, lasts: 3 }

/**
 * Each track of an MP4 with its index at the end gets a pause in its edit list (ISO 14496-12, 8.6.6), which ffmpeg
 * cannot write: what was one edit becomes two, with an empty one between them.
 */
export function withHole(bytes: Buffer): Buffer {
  const moov = bytes.lastIndexOf('moov') - 4
  const parts: Buffer[] = [bytes.subarray(0, moov)]
  const index = Buffer.from(bytes.subarray(moov))
  const ticks = index.readUInt32BE(index.indexOf('mvhd') + 16)
  const grow = (at: number, by: number) => index.writeUInt32BE(index.readUInt32BE(at) + by, at)
  let done = 0
  for (let edit = index.indexOf('elst'); edit >= 0; edit = index.indexOf('elst', edit + 1)) {
    const [length, start] = [index.readUInt32BE(edit + 12), index.readUInt32BE(edit + 16)]
    const media = index.readUInt32BE(index.indexOf('mdhd', edit) + 16)
    const list = [
      [hole.at * ticks, start],
      [hole.lasts * ticks, 0xffffffff],
      [length - hole.at * ticks, start + hole.at * media],
    ]
    for (const box of [edit, index.lastIndexOf('edts', edit), index.lastIndexOf('trak', edit)])
      grow(box - 4, 24)
    index.writeUInt32BE(list.length, edit + 8)
    const entries = Buffer.alloc(list.length * 12)
    for (const [n, [lasts = 0, from = 0]] of list.entries()) {
      entries.writeUInt32BE(lasts, n * 12)
      entries.writeUInt32BE(from, n * 12 + 4)
      entries.writeUInt32BE(0x10000, n * 12 + 8)
    }
    parts.push(index.subarray(done, edit + 12), entries)
    done = edit + 24
  }
  grow(0, 24 * ((parts.length - 1) / 2))
  return Buffer.concat([...parts, index.subarray(done)])
}
