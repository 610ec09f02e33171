/** What our parsers get on a good day, made by the tools themselves; and ways to bend it. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { writeRecord } from '../../worker/chunk/record.ts'
import { framesArgs, headerArgs, packetsArgs } from '../../worker/media/probe-args.ts'
import { serveFile } from '../integration/media/serve.ts'

export interface Samples {
  readonly message: Buffer
  /** ffprobe's JSON, and its lists of packets and of pictures. */
  readonly header: Buffer
  readonly packets: Buffer
  readonly frames: Buffer
  /** First bytes of an upload. */
  readonly head: Buffer
  readonly init: Buffer
  readonly segment: Buffer
  /** Header and fragments in one file. */
  readonly contained: Buffer
  /** A moov box. */
  readonly index: Buffer
  readonly record: Buffer
}

/** folder: for a clip of two seconds and what ffmpeg makes of it. */
export async function makeSamples(folder: string): Promise<Samples> {
  await mkdir(folder, { recursive: true })
  const [clip, contained] = [join(folder, 'clip.mp4'), join(folder, 'contained.mp4')]
  const ffmpeg = (...args: string[]) => execa('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args])
  const input = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=2', '-f', 'lavfi', '-i', 'sine=d=2']
  await ffmpeg(...input, '-c:v', 'libx264', '-g', '25', '-c:a', 'aac', '-movflags', '+faststart', clip)
  const movflags = '+frag_keyframe+empty_moov+default_base_moof'
  await ffmpeg('-i', clip, '-map', '0:v', '-c', 'copy', '-movflags', movflags, contained)
  const served = await serveFile(clip)
  try {
    const query = { url: served.url, demuxer: 'mov', index: 0, maxPixels: 1e6 }
    const ask = async (args: string[]) => Buffer.from((await execa('ffprobe', args)).stdout)
    const [data, whole] = [await readFile(clip), await readFile(contained)]
    const fragment = whole.indexOf('moof', 0, 'latin1') - 4
    const moov = data.indexOf('moov', 0, 'latin1') - 4
    return {
      message: Buffer.from(JSON.stringify(job)),
      header: await ask(headerArgs(served.url, 1e6)),
      packets: await ask(packetsArgs(query, 'all')),
      frames: await ask(framesArgs(query, 10)),
      head: data.subarray(0, 65_536),
      init: whole.subarray(0, fragment),
      segment: whole.subarray(fragment),
      contained: whole,
      index: data.subarray(moov, moov + data.readUInt32BE(moov)),
      record: Buffer.from(writeRecord(manifest).text),
    }
  } finally {
    await served.close()
  }
}

const job = {
  job_id: '0f8fad5b-d9cb-469f-a165-70867728950e',
  ...{ video_id: 42, tenant_id: 7, file_key: 'tenants/7/video/raw/42/lecture.mp4' },
  ...{ profile: 'default', created_at: '2026-02-11T09:30:00+09:00', attempt: 1 },
}
const manifest = { index: 0, tracks: { '720p': { segments: [{ uri: 'a.m4s', bytes: 3 }] } }, sheets: [] }

const strange: readonly unknown[] = [
  ...[null, true, '', ' ', '0/0', '1/0', '-1/1', 'N/A', 'nan', '../../x', '\u0000', '1e999', '9'.repeat(400)],
  ...[0, -1, 0.1, 1e300, 2 ** 53, -(2 ** 31), [], {}, [[]], [null], { length: -1 }, { toString: 1 }],
]

/** Half of the time another value somewhere in the JSON, so that it stays JSON; else, and for what is none, undefined. */
export function vary(sample: Buffer, chance: () => number): Buffer | undefined {
  if (chance() < 0.5 || sample[0] !== 0x7b) return undefined
  const value = JSON.parse(sample.toString()) as object
  for (let times = 1 + Math.floor(chance() * 3); times > 0; times--) {
    let at = value as Record<string, unknown>
    for (;;) {
      const keys = Object.keys(at)
      if (keys.length === 0) break
      const key = keys[Math.floor(chance() * keys.length)]!
      const inner = at[key]
      // Deeper as long as it goes, mostly.
      if (typeof inner === 'object' && inner !== null && chance() < 0.8) {
        at = inner as Record<string, unknown>
        continue
      }
      if (chance() < 0.2) delete at[key]
      else at[key] = structuredClone(strange[Math.floor(chance() * strange.length)])
      break
    }
  }
  return Buffer.from(JSON.stringify(value))
}
