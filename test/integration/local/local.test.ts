/** `npm run local` from start to end, as a person runs it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { startWorker } from '../../local/workers.ts'
import { type LocalRun, startLocalRun } from './command.ts'
import { makeVideo } from './sample.ts'

let folder: string
let video: string
const runs: LocalRun[] = []
const start = (...args: string[]) => {
  const run = startLocalRun(args)
  runs.push(run)
  return run
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'video-worker-test-'))
  video = makeVideo(join(folder, 'clip.mp4'), { seconds: 8 })
})
afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.remove()))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The kernel takes a moment to bury a process group that was killed. */
async function expectNothingLeft(run: LocalRun): Promise<void> {
  for (let tries = 0; tries < 100 && run.leftovers().processes.length > 0; tries++)
    await new Promise((resolve) => setTimeout(resolve, 100))
  expect(run.leftovers()).toEqual({ files: [], processes: [] })
}

describe('with --once', () => {
  test('two files, two workers: both are shown, summed up and kept, and nothing else is left', async () => {
    const other = makeVideo(join(folder, 'tall clip.mp4'), { size: '360x640', seconds: 4 })
    const kept = join(folder, 'kept')
    const run = start(video, other, '--once', '--workers', '2', '--keep', kept)
    expect({ code: await run.ended, output: run.output() }).toMatchObject({ code: 0 })
    expect(run.output()).toMatch(/clip\.mp4 {2}\(0:08, [\d.]+ [kM]B\)\n +360p +640x360 +avc1/)
    expect(run.output()).toMatch(/[\d.]+ MB in \d+ files, [\d.]+ s, [\d.]+ times real time/)
    expect(readdirSync(kept).sort()).toEqual(['clip', 'tall clip'])
    expect(readdirSync(join(kept, 'clip'))).toContain('master.m3u8')
    await expectNothingLeft(run)
  })

  test('a worker that is started elsewhere with --env’s file does the job, and the file goes with the run', async () => {
    const file = join(folder, 'worker.env')
    const run = start(video, '--once', '--env', file)
    await run.says(/waiting for a worker that is started with/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const env = parseEnv(readFileSync(file, 'utf8'))
    const scratch = join(folder, 'scratch')
    const worker = startWorker({
      ...{ name: 'elsewhere', folder },
      env: { PATH: process.env.PATH, ...env, VIDEO_WORKER_TEMP_DIR: scratch, HTTP_PORT: '0' },
    })
    const code = await run.ended
    await worker.stop()
    expect({ code, output: run.output() }).toMatchObject({ code: 0 })
    expect(existsSync(file)).toBe(false)
    await expectNothingLeft(run)
  })

  test('a file that is no video: its reason in a sentence, exit code 1', async () => {
    const fake = join(folder, 'fake.mp4')
    writeFileSync(fake, 'this is a text and no video\n'.repeat(100))
    const run = start(fake, '--once')
    expect({ code: await run.ended, output: run.output() }).toMatchObject({ code: 1 })
    expect(run.output()).toMatch(/fake\.mp4: [^\n]*\w{3,}[^\n]*\./)
    await expectNothingLeft(run)
  })

  test('a file that is not there: one line before anything starts', async () => {
    const run = start(join(folder, 'absent.mp4'), '--once')
    expect(await run.ended).toBe(1)
    expect(run.output()).toMatch(/^There is no file [^\n]*absent\.mp4\n$/)
  })
})

describe('Ctrl-C leaves no process and no file', () => {
  test.each([
    ['while the stack starts', /./],
    ['while a job waits', /In the queue/],
    ['in the middle of an encode', /Transcoding/],
    ['while the page is up', /Watch: http/],
  ])('%s', async (_when, moment) => {
    const long = makeVideo(join(folder, 'long.mp4'), { size: '1280x720', seconds: 12 })
    const run = start(long)
    await run.says(moment)
    run.signal('SIGINT')
    expect([0, 130]).toContain(await run.ended)
    await expectNothingLeft(run)
  })
})
