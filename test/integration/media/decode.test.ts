import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { decodesAlone } from '../../../worker/job/decode-check.ts'
import type { EncodeContext } from '../../../worker/job/encode.ts'
import { detectHost } from '../../../worker/media/host.ts'
import { makeClip, scratch } from './tools.ts'

let folder: Awaited<ReturnType<typeof scratch>>
let clip: Buffer

beforeAll(async () => {
  folder = await scratch()
  const path = join(folder.dir, 'clip.mp4')
  const fragments = ['-g', '50', '-bf', '2', '-movflags', 'frag_keyframe+empty_moov+default_base_moof']
  await makeClip(['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=2', '-c:v', 'libx264', ...fragments, path])
  clip = await readFile(path)
})
afterAll(() => folder[Symbol.asyncDispose]())

/** What the check says of these bytes as a segment of 50 pictures; `copied`: pictures of the source. */
async function judged(data: Buffer, { copied = false, samples = 50, bin = 'ffmpeg' } = {}): Promise<string> {
  const path = join(folder.dir, 'seg')
  await writeFile(path, data)
  const host = await detectHost({ workerId: 'media-test', path: process.env.PATH ?? '' })
  const context = {
    plan: {
      ladder: [{ name: '90p', copied }],
      facts: { video: { codedWidth: 160, codedHeight: 90, rate: { num: 25, den: 1 } } },
      grid: { rate: { num: 25, den: 1 } },
    },
    config: {
      ffmpeg: { bin, threads: 1, memoryLimitMb: 0, nice: 0, cpuFactor: 100 },
      stall: { encodeSeconds: 120 },
    },
    ...{ host, logger: { debug() {} }, signal: new AbortController().signal },
  } as unknown as EncodeContext
  const segment = { number: 3, facts: { samples } } as Parameters<typeof decodesAlone>[2]
  return decodesAlone(context, '90p', segment, path).then(
    () => 'fine',
    (error) => `${error.code}: ${error.message}`,
  )
}

/** Pictures whose bits are turned over, as a broken encoder or a failing disk leaves them. */
function damaged(): Buffer {
  const data = Buffer.from(clip)
  const pictures = data.indexOf('mdat') + 4
  for (let at = pictures + 2000; at < pictures + 2200; at++) data[at]! ^= 0xff
  return data
}

test('a segment that decodes to all of its pictures is fine', async () => {
  expect(await judged(clip)).toBe('fine')
})

test('what a library says of the machine is not said of the pictures', async () => {
  const bin = join(folder.dir, 'ffmpeg')
  const script = `#!/bin/sh\necho 'Warning: using insecure memory!' >&2\nexec ffmpeg "$@"\n`
  await writeFile(bin, script, { mode: 0o755 })
  expect(await judged(clip, { bin })).toBe('fine')
  expect(await judged(damaged(), { bin })).toMatch(/^output_invalid: 90p\/seg-3 does not decode/)
})

test('a damaged segment is told from a good one, and one with too few pictures as well', async () => {
  expect(await judged(damaged())).toMatch(/^output_invalid: 90p\/seg-3 does not decode/)
  expect(await judged(clip, { samples: 51 })).toBe(
    'output_invalid: 90p/seg-3 gives 50 pictures when it is decoded alone, not 51',
  )
  expect(await judged(Buffer.from('nothing that plays'))).toMatch(/^output_invalid: .*does not decode/)
})

test('pictures of the source that do not decode are encoded instead of copied', async () => {
  expect(await judged(damaged(), { copied: true })).toMatch(/^copy_refused: 90p\/seg-3/)
})

test('a check that was killed says nothing of the segment, nor of what was copied', async () => {
  const bin = join(folder.dir, 'mortal')
  await writeFile(bin, '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 })
  for (const copied of [false, true])
    expect(await judged(clip, { bin, copied })).toBe('encode_failed: the check run was ended by SIGKILL')
})
