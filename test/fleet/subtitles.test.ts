import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { haveCorpus, judgeOutput } from '../integration/media/tools.ts'
import { keepOutput } from '../local/summary.ts'
import { type Fleet, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

// Subtitles of every origin, through the whole worker: alone, shared over a fleet, killed, deleted.
const tenantId = 8
const seconds = 70
const late = 1.5

let fleet: Fleet
let clip: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeSubtitledClip(fleet.dir)
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

/** 70 s whose clock begins late, with English and German text, and two chapters. */
async function makeSubtitledClip(dir: string): Promise<string> {
  const at = (name: string) => join(dir, name)
  await writeFile(
    at('en.srt'),
    '1\n00:00:02,000 --> 00:00:04,000\nHello <i>world</i> & <script>alert(1)</script>all\n\n' +
      '2\n00:00:58,500 --> 00:01:02,250\nOver the minute\n',
  )
  await writeFile(at('de.vtt'), 'WEBVTT\n\n00:05.000 --> 00:07.000 line:0\nGrüße\n')
  await writeFile(
    at('chapters.txt'),
    ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=30000\ntitle=The <b>start</b>\n' +
      `[CHAPTER]\nTIMEBASE=1/1000\nSTART=30000\nEND=${seconds * 1000}\ntitle=The end\n`,
  )
  const plain = ['-v', 'error', '-nostdin', '-y']
  await promisify(execFile)('ffmpeg', [
    ...[...plain, '-f', 'lavfi', '-i', `testsrc2=size=160x90:rate=10:duration=${seconds}`],
    ...['-f', 'lavfi', '-i', `sine=duration=${seconds}:sample_rate=48000`],
    ...['-i', at('en.srt'), '-i', at('de.vtt'), '-i', at('chapters.txt')],
    ...['-map', '0', '-map', '1', '-map', '2', '-map', '3', '-map_chapters', '4'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '20', '-c:a', 'aac', '-c:s', 'copy'],
    ...['-metadata:s:s:0', 'language=eng', '-metadata:s:s:1', 'language=ger', '-disposition:s', '0'],
    ...['-disposition:s:0', 'default', '-output_ts_offset', String(late), at('clip.mkv')],
  ])
  return at('clip.mkv')
}

interface Job {
  readonly jobId: string
  readonly fileKey: string
  readonly folder: string
  readonly stem: string
}

async function send(sidecars: Record<string, string | Buffer> = {}, file = clip): Promise<Job> {
  videoId += 1
  const { stack, signal } = fleet
  const fileKey = await stack.upload(file, { tenantId, name: file })
  const stem = fileKey.replace(/\.[^.]+$/, '')
  for (const [name, body] of Object.entries(sidecars))
    await stack.storage.put(`${stem}.${name}`, body, { contentType: 'text/plain', signal })
  const jobId = await stack.sendJob({ tenantId, videoId, fileKey })
  return { jobId, fileKey, stem, folder: `tenants/${tenantId}/video/hls/${videoId}/${jobId}/` }
}

async function completed({ jobId, folder }: Job) {
  const { stack, signal } = fleet
  const outcome = await stack.waitFor(jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('complete')
  const read = async (name: string) => (await stack.storage.getText(folder + name, signal)) ?? ''
  const master = await read('master.m3u8')
  const subtitles = master.split('\n').filter((line) => line.includes('TYPE=SUBTITLES'))
  return { source: outcome.body.source as Record<string, unknown>, read, master, subtitles }
}

async function expectWhole(job: Job): Promise<void> {
  const { stack, signal } = fleet
  const master = `${job.folder}master.m3u8`
  await fleet.until('the ledger is gone', async () => {
    for await (const _ of stack.storage.list(`${job.folder}.work/`, signal)) return false
    return true
  })
  const tree = await readTree(stack.storage, master, signal)
  expect([tree.missing, tree.unreferenced]).toEqual([[], []])
}

async function expectGood({ jobId, folder }: Job): Promise<void> {
  const { stack, dir, signal } = fleet
  const kept = join(dir, `kept-${jobId}`)
  await keepOutput(stack.storage, `${folder}master.m3u8`, kept, signal)
  if (haveCorpus) expect(await judgeOutput(join(kept, 'master.m3u8'), clip)).toEqual([])
}

const french = Buffer.from('1\n00:00:10,000 --> 00:00:12,000\nDéjà vu\n\n2\n12 --> never\nx\n', 'latin1')
const korean = Buffer.concat([
  Buffer.from([0xff, 0xfe]),
  Buffer.from('WEBVTT\n\n00:11.000 --> 00:12.000\n안녕\n', 'utf16le'),
])

describe('subtitles', () => {
  test('of the file and beside it become renditions in step with the pictures; the rest is told', async () => {
    fleet.start('alone', { FANOUT: 'never', CHUNK_SECONDS: '40' })
    const job = await send({
      'fr.srt': french,
      'ko.forced.vtt': korean,
      'empty.srt': '',
      'nothing.vtt': 'WEBVTT\n\nno lines\n',
    })
    const { source, read, master, subtitles } = await completed(job)
    expect(subtitles).toEqual([
      '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,URI="text-0/index.m3u8"',
      '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="Deutsch",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="text-1/index.m3u8"',
      '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="français",LANGUAGE="fr",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="text-2/index.m3u8"',
      '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="한국어 (forced)",LANGUAGE="ko",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES,URI="text-3/index.m3u8"',
    ])
    const variants = master.split('\n').filter((line) => line.startsWith('#EXT-X-STREAM-INF'))
    expect(variants.every((line) => line.includes('SUBTITLES="subtitles"'))).toBe(true)
    expect(await read('text-0/seg-00000.vtt')).toBe(
      'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n' +
        '00:00:02.000 --> 00:00:04.000\nHello <i>world</i> &amp; all\n\n' +
        '00:00:58.500 --> 00:01:02.250\nOver the minute\n',
    )
    expect(await read('text-0/seg-00001.vtt')).toContain('\n00:00:58.500 --> 00:01:02.250\nOver the minute\n')
    expect(await read('text-1/seg-00000.vtt')).toContain('00:00:05.000 --> 00:00:07.000 line:0\nGrüße\n')
    expect(await read('text-2/seg-00000.vtt')).toContain('Déjà vu')
    expect(await read('text-3/seg-00000.vtt')).toContain('안녕')
    expect(source.subtitles).toMatchObject([{ lines: 2 }, { lines: 1 }, { bad_lines: 1 }, { forced: true }])
    expect((source.subtitles_skipped as { reason: string }[]).map(({ reason }) => reason)).toEqual([
      'it is empty',
      'it has no lines that can be read',
    ])
    // Chapters stand on the container's clock, which shows 1.5 s at the first picture.
    expect(await read('chapters.vtt')).toBe(
      'WEBVTT\n\n1\n00:00:00.000 --> 00:00:28.500\nThe b start /b\n\n2\n00:00:28.500 --> 00:01:08.500\nThe end\n',
    )
    await expectWhole(job)
    await expectGood(job)
  })

  test('are one part of a shared video, and are not made again by who comes after', async () => {
    const env = { FANOUT: 'always', CHUNK_SECONDS: '30' }
    const workers = [fleet.start('left', env), fleet.start('right', env)]
    const job = await send({ 'fr.srt': french })
    expect((await completed(job)).subtitles).toHaveLength(3)
    const made = workers.flatMap((worker) => worker.log().filter((line) => line.msg === 'subtitles made'))
    expect(made).toMatchObject([{ part: 'text-0', tracks: 3, skipped: 0 }])
    await expectWhole(job)
  })

  test('that are finished when a worker is killed are taken from the ledger', async () => {
    const first = fleet.start('killed', { FANOUT: 'never', CHUNK_SECONDS: '10' })
    const job = await send()
    await first.logged((line) => line.msg === 'subtitles made')
    await fleet.until('the ledger says so', async () => {
      return (await fleet.stack.storage.head(`${job.folder}.work/text.json`, fleet.signal)) !== undefined
    })
    first.kill('SIGKILL')
    const second = fleet.start('heir', { FANOUT: 'never', CHUNK_SECONDS: '10' })
    expect((await completed(job)).subtitles).toHaveLength(2)
    expect(second.log().filter((line) => line.msg === 'subtitles made')).toEqual([])
    await expectWhole(job)
  })

  test('beside a source go with it when the video is deleted, and those of another video stay', async () => {
    fleet.start('deleter', { FANOUT: 'never' })
    const { storage } = fleet.stack
    const job = await send({ 'fr.srt': french })
    const put = (name: string) =>
      storage.put(`${job.stem}.${name}`, 'x', { contentType: 'text/plain', signal: fleet.signal })
    await Promise.all([put('extra.mp4'), put('extra.en.srt'), put('txt')])
    await completed(job)
    await fleet.stack.send({
      ...{ action: 'delete_r2', tenant_id: tenantId, video_id: videoId, file_key: job.fileKey },
      ...{ hls_prefix: `tenants/${tenantId}/video/hls/${videoId}/`, created_at: '2026-01-01T00:00:00Z' },
    })
    const left = async (prefix: string) => {
      const keys: string[] = []
      for await (const { key } of storage.list(prefix, fleet.signal)) keys.push(key)
      return keys.map((key) => key.slice(job.stem.length + 1))
    }
    await fleet.until('the source is gone', async () => !(await storage.head(job.fileKey, fleet.signal)))
    await fleet.until('the output is gone', async () => (await left(job.folder)).length === 0)
    expect(await left(job.stem)).toEqual(['extra.en.srt', 'extra.mp4', 'txt'])
  })
})
