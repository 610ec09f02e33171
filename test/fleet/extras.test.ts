import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { keepOutput } from '../local/summary.ts'
import { makeLongClip } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// Pictures that a profile asks for: the poster from a fixed time and in other sizes, and a preview.
const tenantId = 9
const profiles = { pretty: { posterSeconds: 3, posterSizes: [160, 480, 1280], previewSeconds: 2 } }

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet()
  await writeFile(join(fleet.dir, 'profiles.json'), JSON.stringify(profiles))
})
afterAll(() => fleet?.close())

async function look(file: string): Promise<string> {
  const entries = ['-show_entries', 'stream=codec_name,width,height,nb_frames', '-of', 'csv=p=0']
  return (await execa('ffprobe', ['-v', 'error', ...entries, file])).stdout.trim()
}

test.each(['never', 'always'])('are stored once, shared: %s', async (FANOUT) => {
  const { stack, dir, signal } = fleet
  const clip = await makeLongClip(dir, 10, '480x270')
  const file = join(dir, 'profiles.json')
  fleet.start(`extras-${FANOUT}`, { FANOUT, CHUNK_SECONDS: '6', HLS_TIME_SECONDS: '2', PROFILES_FILE: file })
  const fileKey = await stack.upload(clip, { tenantId, name: 'a.mp4' })
  const videoId = FANOUT === 'never' ? 1 : 2
  const jobId = await stack.sendJob({ tenantId, videoId, fileKey, profile: 'pretty' })
  const { kind, body } = await stack.waitFor(jobId, { signal: AbortSignal.timeout(300_000) })
  expect([kind, body.reason]).toEqual(['complete', undefined])
  const master = String(body.hls_path)
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(master.replace('master.m3u8', '.work/'), signal)) return false
    return true
  })
  const tree = await readTree(stack.storage, master, signal)
  expect([tree.missing, tree.unreferenced]).toEqual([[], []])
  const kept = join(dir, `kept-${FANOUT}`)
  await keepOutput(stack.storage, master, kept, signal)
  expect(await look(join(kept, 'poster.jpg'))).toMatch(/^mjpeg,480,270/)
  expect(await look(join(kept, 'poster-160.jpg'))).toMatch(/^mjpeg,160,90/)
  expect(await look(join(kept, 'poster-480.webp'))).toMatch(/^webp,480,270/)
  // Four pieces of half a second each, at 30 pictures a second; no sound.
  expect(await look(join(kept, 'preview.mp4'))).toBe('h264,480,270,60')
  const head = await stack.storage.head(master.replace('master.m3u8', 'poster-1280.jpg'), signal)
  expect(head).toBeUndefined()
  await fleet.stopWorkers()
})
