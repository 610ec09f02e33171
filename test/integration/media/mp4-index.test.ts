import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { readSampleIndex, type SampleIndex } from '../../../worker/media/mp4-index.ts'
import { makeClip, scratch } from './tools.ts'

let folder: Awaited<ReturnType<typeof scratch>>
const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=30000/1001:d=6']
const sound = ['-f', 'lavfi', '-i', 'sine=d=6']
const keys = ['-g', '40', '-bf', '2', '-preset', 'veryfast']

beforeAll(async () => {
  folder = await scratch()
})
afterAll(() => folder[Symbol.asyncDispose]())

async function moovOf(file: string): Promise<Buffer> {
  const data = await readFile(file)
  for (let at = 0; at < data.length; at += data.readUInt32BE(at)) {
    if (data.toString('latin1', at + 4, at + 8) === 'moov')
      return data.subarray(at, at + data.readUInt32BE(at))
  }
  throw new Error('no moov')
}

async function make(name: string, rest: string[], input = [...picture, ...sound]): Promise<string> {
  const file = join(folder.dir, name)
  await makeClip([...input, ...keys, ...rest, '-shortest', file])
  return file
}

/** What ffprobe says of the video's packets, relative to the first one's display. */
async function packetsOf(file: string) {
  const entries = ['-show_entries', 'packet=pts,dts,size,flags', '-of', 'json']
  const { stdout } = await execa('ffprobe', ['-v', 'error', '-select_streams', 'v:0', ...entries, file])
  const { packets } = JSON.parse(stdout) as {
    packets: { pts: number; dts: number; size: string; flags: string }[]
  }
  const zero = packets[0]!.pts
  return {
    shown: packets.map(({ pts }) => pts - zero),
    decoded: packets.map(({ dts }) => dts - zero),
    sizes: packets.map(({ size }) => Number(size)),
    keys: packets.flatMap(({ flags }, at) => (flags.includes('K') ? [at] : [])),
  }
}
const listed = ({ shown, decoded, sizes, keys }: SampleIndex) => ({
  ...{ shown: [...shown], decoded: [...decoded], sizes: [...sizes], keys },
})

describe('the index of a file tells what reading it through would', () => {
  test.each([
    ['reordered.mp4', ['-c:a', 'aac'], 0],
    ['quicktime.mov', ['-c:a', 'aac', '-movflags', '+faststart'], 0],
    ['negative-offsets.mp4', ['-c:a', 'aac', '-movflags', '+negative_cts_offsets'], 0],
    ['late.mp4', ['-c:a', 'aac', '-output_ts_offset', '1.3'], 0],
    ['sound-first.mp4', ['-map', '1', '-map', '0', '-c:a', 'aac'], 1],
    ['all-key-frames.mov', ['-c:v', 'mjpeg', '-q:v', '20', '-bf', '0', '-an'], 0],
  ])('%s', async (name, rest, position) => {
    const file = await make(name, rest)
    const index = readSampleIndex(await moovOf(file), position, 1000)!
    expect(listed(index)).toEqual(await packetsOf(file))
    expect(index.configuration === undefined).toBe(name === 'all-key-frames.mov')
  })
})

test('a fragmented file and a sound track have none', async () => {
  const fragmented = await make('fragmented.mp4', ['-c:a', 'aac', '-movflags', '+frag_keyframe+empty_moov'])
  expect(readSampleIndex(await moovOf(fragmented), 0, 1000)).toBeUndefined()
  const file = await make('plain.mp4', ['-c:a', 'aac'])
  expect(readSampleIndex(await moovOf(file), 1, 1000)).toBeUndefined()
  expect(readSampleIndex(await moovOf(file), 7, 1000)).toBeUndefined()
  // More pictures than the file was seen to have.
  expect(readSampleIndex(await moovOf(file), 0, 100)).toBeUndefined()
})

/** A box. */
const boxOf = (type: string, ...content: Buffer[]) => {
  const body = Buffer.concat(content)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.length + 8)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, body])
}

test('an index that is made to fill the memory is not read', async () => {
  const whole = await moovOf(await make('flooded.mp4', ['-an']))
  const flooded = (boxes: number) =>
    readSampleIndex(
      boxOf('moov', whole.subarray(8), Buffer.concat(Array(boxes).fill(boxOf('free')))),
      0,
      1000,
    )
  expect(flooded(100)).toBeDefined()
  expect(flooded(1_000_000)).toBeUndefined()
  // More key frames than pictures: the count stands in front of the list.
  const keys = whole.indexOf('stss') + 8
  whole.writeUInt32BE(4_000_000_000, keys)
  expect(readSampleIndex(whole, 0, 1000)).toBeUndefined()
  whole.writeUInt32BE(181, keys)
  expect(readSampleIndex(Buffer.concat([whole, Buffer.alloc(1000)]), 0, 1000)).toBeUndefined()
})

test('a damaged index is no index, whatever is broken', async () => {
  const whole = await moovOf(await make('damaged.mp4', ['-c:a', 'aac']))
  let seed = 3
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % below
  }
  for (let time = 0; time < 3000; time++) {
    const broken = Buffer.from(whole)
    for (let hits = 1 + random(4); hits > 0; hits--) broken[random(broken.length)] = random(256)
    const index = readSampleIndex(
      random(4) === 0 ? broken.subarray(0, random(broken.length)) : broken,
      0,
      1000,
    )
    if (index) expect(index.shown.length).toBe(index.sizes.length)
  }
})
