import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { makeHollowClip, makeTracksClip } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// Every track of sound is kept, with what it says of itself; by profile also in 5.1.
const tenantId = 12

let fleet: Fleet
let clip: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeTracksClip(fleet.dir)
  await writeFile(join(fleet.dir, 'profiles.json'), JSON.stringify({ cinema: { surround: 'keep' } }))
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

async function packaged(env: Record<string, string>, profile?: string) {
  const { stack, dir, signal } = fleet
  videoId += 1
  fleet.start(`tracks-${videoId}`, { PROFILES_FILE: join(dir, 'profiles.json'), ...env })
  const fileKey = await stack.upload(clip, { tenantId, name: 'tracks.mkv' })
  const jobId = await stack.sendJob({ tenantId, videoId, fileKey, ...(profile ? { profile } : {}) })
  const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect([outcome.kind, outcome.body.reason]).toEqual(['complete', undefined])
  const key = String(outcome.body.hls_path)
  const kept = join(dir, `kept-${jobId}`)
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(key.replace('master.m3u8', '.work/'), signal)) return false
    return true
  })
  const { missing, unreferenced } = await readTree(stack.storage, key, signal)
  expect({ missing, unreferenced }).toEqual({ missing: [], unreferenced: [] })
  await keepOutput(stack.storage, key, kept, signal)
  if (haveCorpus) expect(await judgeOutput(join(kept, 'master.m3u8'), clip)).toEqual([])
  const lines = (await stack.storage.getText(key, signal))!.split('\n')
  const starting = (tag: string) => lines.filter((line) => line.startsWith(tag))
  return { media: starting('#EXT-X-MEDIA'), variants: starting('#EXT-X-STREAM-INF') }
}

const line = (group: string, name: string, language: string, rest: string) =>
  `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${group}",NAME="${name}",LANGUAGE="${language}",${rest}`
const [off, on] = ['DEFAULT=NO,AUTOSELECT=YES', 'DEFAULT=YES,AUTOSELECT=YES']
const stereo = [
  line('audio', 'Main', 'en', `${off},CHANNELS="2",URI="audio-0/index.m3u8"`),
  line('audio', 'Main 3', 'und', `${off},CHANNELS="2",URI="audio-2/index.m3u8"`),
  line('audio', 'fr', 'fr', `${on},CHANNELS="2",URI="audio-1/index.m3u8"`),
]

test('three tracks are three renditions: languages, names that differ, the file’s own default', async () => {
  const { media, variants } = await packaged({})
  expect(media).toEqual(stereo)
  for (const variant of variants) expect(variant).toContain('AUDIO="audio"')
})

test('sound ends with the pictures where those end before their time', async () => {
  const { stack, signal } = fleet
  for (const FANOUT of ['never', 'always']) {
    videoId += 1
    const worker = fleet.start(`hollow-${FANOUT}`, { FANOUT, PASSTHROUGH: 'never', CHUNK_SECONDS: '6' })
    const fileKey = await stack.upload(await makeHollowClip(fleet.dir), { tenantId, name: 'a.mp4' })
    const jobId = await stack.sendJob({ tenantId, videoId, fileKey })
    const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
    expect([outcome.kind, outcome.body.reason]).toEqual(['complete', undefined])
    const lengthOf = async (rendition: string) => {
      const key = String(outcome.body.hls_path).replace('master.m3u8', `${rendition}/index.m3u8`)
      const lengths = [...(await stack.storage.getText(key, signal))!.matchAll(/#EXTINF:([\d.]+)/g)]
      return lengths.reduce((sum, [, seconds]) => sum + Number(seconds), 0)
    }
    const pictures = await lengthOf('180p')
    expect(pictures).toBeLessThan(8)
    expect(Math.abs((await lengthOf('audio-0')) - pictures)).toBeLessThan(0.06)
    expect(worker.text()).toContain('the sound is made anew')
    await fleet.stopWorkers()
  }
})

test('5.1 is kept in a group of its own, and every variant is listed with both, by one worker or shared', async () => {
  for (const FANOUT of ['never', 'always']) {
    const { media, variants } = await packaged({ FANOUT }, 'cinema')
    expect(media).toEqual([
      ...stereo,
      line('surround', 'Main', 'en', `${off},CHANNELS="6",URI="audio-3/index.m3u8"`),
      line('surround', 'Main 3', 'und', `${off},CHANNELS="2",URI="audio-2/index.m3u8"`),
      line('surround', 'fr', 'fr', `${on},CHANNELS="2",URI="audio-1/index.m3u8"`),
    ])
    const groups = variants.map((variant) => /AUDIO="(\w+)"/.exec(variant)?.[1])
    expect(groups.slice(0, groups.length / 2).every((group) => group === 'audio')).toBe(true)
    expect(groups.slice(groups.length / 2).every((group) => group === 'surround')).toBe(true)
  }
})
