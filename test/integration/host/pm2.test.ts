/** The real pm2 with the configuration as it is shipped, in a home of its own. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sleep } from '../../../shared/time.ts'
import { encodersOf, signal, toolsOf } from '../../faults/processes.ts'
import { expectKept, type FaultJob, line, midEncode, sendJob } from '../../faults/promises.ts'
import { threeSlots } from '../../faults/stages.ts'
import { makeLongClip } from '../../fleet/clips.ts'
import { type Fleet, type FleetWorker, openFleet, quick, withLog } from '../../fleet/harness.ts'

const root = join(import.meta.dirname, '../../..')
const program = createRequire(import.meta.url).resolve('pm2/bin/pm2')
const name = 'under-pm2'
const tenantId = 11
let fleet: Fleet
let worker: FleetWorker
let env: Record<string, string>
let clip: string

beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, 12, '160x90')
  const { PATH = '', HOME = '' } = process.env
  const own = { ...quick, ...threeSlots, WORKER_CONCURRENCY: '1', WORKER_ID: name }
  const stack = fleet.stack.env({ ...own, VIDEO_WORKER_TEMP_DIR: join(fleet.dir, 'scratch') })
  env = { PATH, HOME, PM2_HOME: join(fleet.dir, 'pm2'), ...stack }
  await pm2('start', 'ecosystem.config.cjs')
  const logFile = join(fleet.dir, 'pm2/logs/video-worker-out.log')
  const unended = new Promise<string>(() => {})
  worker = withLog({ name, pid: 0, logFile, ended: unended, stop: async () => {}, kill() {} }, fleet.signal)
})
afterAll(async () => {
  await pm2('kill').catch(() => undefined)
  await fleet?.close()
})

const pm2 = async (...args: string[]) =>
  (await promisify(execFile)(process.execPath, [program, ...args], { env, cwd: root })).stdout

/** What pm2 knows of its one app. */
async function app(): Promise<{ pid: number; status: string; restarts: number }> {
  const [one] = JSON.parse(await pm2('jlist'))
  return { pid: one.pid, status: one.pm2_env.status, restarts: one.pm2_env.restart_time }
}
const lines = (msg: string) => worker.log().filter((each) => each.msg === msg)
/** What pm2 says of each end of a process: code and signal. */
async function ends(): Promise<string[]> {
  const said = await readFile(join(fleet.dir, 'pm2/pm2.log'), 'utf8')
  return [...said.matchAll(/exited with code \[(\d+)\] via signal \[(\w+)\]/g)].map(
    (end) => `${end[1]} ${end[2]}`,
  )
}

describe('pm2', () => {
  let job: FaultJob

  test('has started when the worker polls', async () => {
    expect(lines('worker is up')).toHaveLength(1)
    expect(await app()).toMatchObject({ status: 'online', restarts: 0 })
  })

  test('stop in mid-encode waits for the message to be handed back, and leaves no ffmpeg', async () => {
    job = await sendJob(fleet, clip, { tenantId, videoId: 1 })
    await midEncode(fleet, worker, job)
    await pm2('stop', 'video-worker')
    expect(await ends()).toEqual(['0 SIGINT'])
    expect(lines('drained')).toMatchObject([{ how: 'clean' }])
    await line(worker, job, 'job settled', { outcome: 'released' })
    expect(await fleet.stack.queueCounts()).toMatchObject({ waiting: 1, inFlight: 0 })
    expect(await toolsOf([name])).toEqual([])
    expect(await readdir(join(fleet.dir, 'scratch'))).toEqual([])
    expect(await app()).toMatchObject({ pid: 0, status: 'stopped' })
  })

  test('reload in mid-encode loses nothing: the next worker goes on where this one was', async () => {
    await pm2('start', 'video-worker')
    await line(worker, job, 'job started', { attempt: 2 })
    // The first two chunks are stored, or one more.
    await midEncode(fleet, worker, job, 2)
    await pm2('reload', 'video-worker')
    const started = await line(worker, job, 'job started', { attempt: 3 })
    expect(started).toMatchObject({ failures: 0, crashes: 0, releases: 2 })
    await line(worker, job, 'job settled', { outcome: 'done' })
    expect(await encodersOf(name, job.jobId)).toEqual([])
  })

  test('starts a worker again that was killed, though nobody can ask a killed one for its exit code', async () => {
    const { pid } = await app()
    const ups = lines('worker is up').length
    signal(pid, 'SIGKILL')
    await fleet.until('it is up again', () => lines('worker is up').length > ups)
    const next = await app()
    expect(next.status).toBe('online')
    expect(next.pid).not.toBe(pid)
    expect(lines('swept what a killed predecessor left').at(-1)).toMatchObject({ folders: 1 })
  })

  test('starts none again whose configuration is wrong', async () => {
    await pm2('stop', 'video-worker')
    await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: [name] })
    const before = (await ends()).length
    env = { ...env, REDIS_PORT: 'many' }
    await pm2('start', 'video-worker', '--update-env')
    await fleet.until('it has ended', async () => (await ends()).length > before)
    expect((await ends()).slice(before)).toEqual(['78 SIGINT'])
    // Its next try would come after half a second. (pm2 shows it as `waiting restart`, and does not mean it.)
    await sleep(2000, { signal: fleet.signal })
    expect((await ends()).length).toBe(before + 1)
    expect((await app()).pid).toBe(0)
  })
})
