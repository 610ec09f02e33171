import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { WorkerError } from '../../../shared/errors.ts'
import { packageFile } from './package.ts'
import { corpusDir, haveCorpus, judgeOutput, scratch } from './tools.ts'

interface Entry {
  readonly file: string
  readonly want?: { readonly display_size: string; readonly video_s?: number; readonly has_audio: boolean }
}

let folder: Awaited<ReturnType<typeof scratch>>
let manifest: Entry[]

beforeAll(async () => {
  folder = await scratch()
  if (haveCorpus) manifest = JSON.parse(await readFile(join(corpusDir, 'manifest.json'), 'utf8'))
})

afterAll(() => folder[Symbol.asyncDispose]())

const onCorpus = haveCorpus ? describe : describe.skip

onCorpus('real and awkward files pass the judge', () => {
  test.each([
    ['a fifth of a second', 'gen-0.2s.mp4'],
    ['HDR, ten bits, turned', 'gen-hlg10-hevc-rot90.mov'],
    ['anamorphic and interlaced', 'gen-dv-pal-16x9.avi'],
    ['irregular pictures with a hole of 2.5 s', 'gen-vfr-screen.mp4'],
    ['an old phone: 8 kHz sound, odd pixels', 'mp4parser-MOV00006.3gp'],
    ['two languages', 'gen-2audio-eng-fra-movtext.mp4'],
    ['a clock that starts at ten hours', 'gen-start-10h.ts'],
    ['cut off in the middle', 'gen-trunc-mdat.mp4'],
    ['240 pictures a second', 'gen-240fps.mp4'],
  ])('%s: %s', async (_, name) => {
    const file = join(corpusDir, name)
    const packaged = await packageFile({
      file,
      outDir: join(folder.dir, name),
      signal: AbortSignal.timeout(200_000),
    })
    const { facts } = packaged
    const want = manifest.find((entry) => entry.file === name)?.want
    if (want) {
      expect(`${facts.video.displayWidth}x${facts.video.displayHeight}`).toBe(want.display_size)
      expect(facts.audio.length > 0).toBe(want.has_audio)
      expect(Math.abs(facts.seconds - (want.video_s ?? facts.seconds))).toBeLessThan(0.12)
    }
    const problems = await judgeOutput(packaged.master, file)
    expect(problems).toEqual([])
  })
})

onCorpus('what is no video is refused with a reason', () => {
  test.each([
    ['gen-evil-hls-localfile.mp4', 'input_playlist'],
    ['gen-evil-hls-http.mp4', 'input_playlist'],
    ['gen-evil-concat-neighbour.mp4', 'input_playlist'],
    ['gen-evil-sdp.mp4', 'input_playlist'],
    ['gen-text-ansi.txt', 'container_unsupported'],
    ['gen-still.jpg', 'container_unsupported'],
    ['gen-zero-bytes.mp4', 'input_empty'],
    ['opencast-nostreams.mp4', 'no_video'],
    ['gen-trunc-nomoov.mp4', 'container_damaged'],
    ['streamio-broken.mp4', 'container_damaged'],
    ['gomp4-sample_qt.mp4', 'no_frames'],
    ['lpms-zero-frame.ts', 'container_damaged'],
    ['mp4parse-short-cenc.mp4', 'input_encrypted'],
    ['androidx-sample_vvc.mp4', 'codec_unsupported'],
    ['gen-bomb-png-12000.mov', 'picture_too_large'],
    ['gen-bomb-sparse-30h.mp4', 'video_too_long'],
    ['moviepy-video-with-dash.mp4', 'picture_too_small'],
  ])('%s: %s', async (name, code) => {
    const outDir = join(folder.dir, name)
    const error: WorkerError = await packageFile({
      file: join(corpusDir, name),
      outDir,
      signal: AbortSignal.timeout(200_000),
    }).then(
      () => new Error('it was packaged'),
      (thrown) => thrown,
    )
    expect(error).toMatchObject({ code, kind: 'rejected' })
    expect(error.message).not.toMatch(/:\/\/|\/tmp/)
  })
})
