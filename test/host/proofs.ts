import { strict as assert } from 'node:assert'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { monotonicMs } from '../../shared/time.ts'
import { encodersOf, freeze, signal as send, toolsOf } from '../faults/processes.ts'
import type { Fleet } from '../fleet/harness.ts'
import type { System } from './system.ts'

export interface Bench {
  readonly fleet: Fleet
  readonly system: System
  /** Of three chunks. */
  readonly clip: string
  readonly signal: AbortSignal
}

const unit = 'video-worker@1'
const name = 'on-a-host'
/** Production’s intervals, but chunks and polls that are soon over. */
const settings = {
  WORKER_ID: name,
  ...{ CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2', FANOUT: 'never', SQS_WAIT_SECONDS: '5' },
  ...{ VIDEO_WORKER_TEMP_DIR: '/nowhere', SCRATCH_MIN_FREE_MB: '64', LOG_LEVEL: 'info', SANDBOX: 'auto' },
}
let videos = 0

/** In this order: each leaves a worker that runs. What it resolves to is printed. */
export const proofs: Readonly<Record<string, (bench: Bench) => Promise<string>>> = {
  async start(bench) {
    const { system, fleet } = bench
    const env = Object.entries(fleet.stack.env(settings)).map(([key, value]) => `${key}=${value}`)
    await put(system, '/etc/video-worker/env', `${env.join('\n')}\n`)
    const files = ['video-worker@.service', 'workers.slice']
    for (const file of files) {
      const text = await readFile(system.path(`/opt/video-worker/deploy/host/${file}`), 'utf8')
      await put(system, `/etc/systemd/system/${file}`, text)
    }
    await system.run('systemctl', 'daemon-reload')
    const seconds = await timed(() => system.run('systemctl', 'start', unit))
    const sandbox = (await logged(bench, 'sandbox of ffmpeg')).sandbox as { level: string; missing: object }
    const { msg: groups } = await logged(bench, 'control groups: ', true)
    const { StatusText } = await show(bench)
    assert.match(StatusText ?? '', /^running, 0 of 1 slots at work, last good poll/)
    return `ready after ${seconds} s; sandbox ${JSON.stringify(sandbox)}; ${groups}; status “${StatusText}”`
  },

  async memory(bench) {
    const job = await inMidEncode(bench)
    const [encoder] = await encodersOf(name, job)
    const score = async (pid: string | number) => Number(await readFile(`/proc/${pid}/oom_score_adj`, 'utf8'))
    const main = await outerPid(bench)
    const scores = { worker: await score(main), ffmpeg: await score(encoder!.pid) }
    assert.equal(scores.ffmpeg, 1000)
    // Below 0 only where the system has the right to: a container may not.
    assert.ok(scores.worker <= 0)
    const group = (await readFile(`/proc/${encoder!.pid}/cgroup`, 'utf8')).match(/^0::(.*)$/m)?.[1] ?? ''
    assert.match(group, /video-worker@1\.service\/ffmpeg$/)
    await stopped(bench, job)
    await bench.system.run('systemctl', 'start', unit)
    return `OOM scores ${JSON.stringify(scores)}; ffmpeg is in ${group.slice(group.indexOf('video'))}`
  },

  async stop(bench) {
    const job = await inMidEncode(bench)
    const seconds = await stopped(bench, job)
    const { Result } = await show(bench)
    assert.equal(Result, 'success')
    await bench.system.run('systemctl', 'start', unit)
    return `systemctl stop in mid-encode took ${seconds} s; the message is visible again, no ffmpeg, result ${Result}`
  },

  async crash(bench) {
    await inMidEncode(bench)
    const before = (await show(bench)).MainPID
    send(await outerPid(bench), 'SIGKILL')
    const seconds = await timed(() => again(bench, before))
    assert.deepEqual(
      (await toolsOf([name])).filter(({ state }) => state === 'T'),
      [],
    )
    return `after SIGKILL in mid-encode: another worker is ready after ${seconds} s (RestartSec 10), no ffmpeg is left`
  },

  async 'stopped-process'(bench) {
    await watchdog(bench, 10)
    const before = (await show(bench)).MainPID
    send(await outerPid(bench), 'SIGSTOP')
    const seconds = await timed(() => again(bench, before))
    assert.match(await journal(bench), /Watchdog timeout/)
    return `SIGSTOP, with WatchdogSec=10: another worker is ready after ${seconds} s`
  },

  async 'dead-polls'(bench) {
    await watchdog(bench, 10)
    const before = (await show(bench)).MainPID
    const times = Number.POSITIVE_INFINITY
    const hole = bench.fleet.stack.sqs.faults.failNext(
      { operation: 'ReceiveMessage' },
      { stall: true, times },
    )
    let said = ''
    const seconds = await timed(() =>
      again(bench, before, async () => {
        const { StatusText = '' } = await show(bench)
        if (StatusText.includes('NO good poll')) said = StatusText
        // From here on the queue answers, as the next worker wants it to.
        if ((await show(bench)).ActiveState !== 'active') hole.remove()
      }),
    )
    hole.remove()
    assert.notEqual(said, '')
    await logged(bench, 'drained')
    return `polls that never end, event loop alive, with WatchdogSec=10: “${said}”; another worker is ready after ${seconds} s`
  },
}

async function put(system: System, path: string, text: string): Promise<void> {
  await mkdir(dirname(system.path(path)), { recursive: true })
  await writeFile(system.path(path), text, { mode: 0o600 })
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = monotonicMs()
  await run()
  return Math.round((monotonicMs() - started) / 100) / 10
}

async function show({ system }: Bench): Promise<Record<string, string>> {
  const properties = 'MainPID,ActiveState,SubState,Result,StatusText,ControlGroup'
  const said = await system.run('systemctl', 'show', unit, `--property=${properties}`)
  return Object.fromEntries(
    said
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s) as [string, string]),
  )
}

const journal = ({ system }: Bench) => system.run('journalctl', '-q', '-u', unit, '-o', 'cat', '--no-pager')

/** The worker’s newest line with this message. */
async function logged(
  bench: Bench,
  msg: string,
  start = false,
): Promise<Record<string, unknown> & { msg: string }> {
  let found: (Record<string, unknown> & { msg: string }) | undefined
  await bench.fleet.until(`the line “${msg}”`, async () => {
    const lines = (await journal(bench)).split('\n').filter((line) => line.startsWith('{'))
    found = lines
      .map((line) => JSON.parse(line))
      .findLast((line) => (start ? line.msg.startsWith(msg) : line.msg === msg))
    return found !== undefined
  })
  return found!
}

/** The worker’s process id out here. */
async function outerPid(bench: Bench): Promise<number> {
  const { MainPID = '' } = await show(bench)
  const { stdout } = { stdout: await bench.system.run('cat', `/proc/${MainPID}/cgroup`) }
  const group = /^0::(.*)$/m.exec(stdout)?.[1] ?? ''
  for (const folder of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']) {
    const text = await readFile(`${folder}${group}/cgroup.procs`, 'utf8').catch(() => '')
    for (const pid of text.split('\n').filter(Boolean)) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      if (new RegExp(`^NSpid:.*\\t${MainPID}$`, 'm').test(status)) return Number(pid)
    }
  }
  throw new Error(`no process out here is ${MainPID} in there`)
}

/** Sends a job; resolves to its id when a chunk is stored and the encoder of a later one stands still. */
async function inMidEncode({ fleet, clip }: Bench): Promise<string> {
  videos += 1
  const video = { tenantId: 12, videoId: videos }
  const fileKey = await fleet.stack.upload(clip, { tenantId: video.tenantId, name: clip })
  const jobId = await fleet.stack.sendJob({ ...video, fileKey })
  await fleet.until('the encoder of the second chunk', async () => (await freeze(name, jobId, 1)).length > 0)
  return jobId
}

/** Stops the unit while a job is in hand; resolves to how long that took. Takes the message away. */
async function stopped({ fleet, system }: Bench, jobId: string): Promise<number> {
  const seconds = await timed(() => system.run('systemctl', 'stop', unit))
  assert.deepEqual(await toolsOf([name]), [])
  const messages = await fleet.stack.sqs.messages('academy-video-jobs')
  assert.ok(messages.some(({ body }) => body.includes(jobId)))
  const { waiting, inFlight } = await fleet.stack.queueCounts()
  assert.deepEqual({ waiting, inFlight }, { waiting: 1, inFlight: 0 })
  await fleet.stack.sqs.drain('academy-video-jobs')
  return seconds
}

async function watchdog({ system }: Bench, seconds: number): Promise<void> {
  const dropin = `[Service]\nWatchdogSec=${seconds}\nTimeoutStopSec=60\nRestartSec=1\n`
  await put(system, `/etc/systemd/system/${unit}.service.d/proof.conf`, dropin)
  await system.run('systemctl', 'daemon-reload')
  await system.run('systemctl', 'restart', unit)
}

/** Resolves when another process than `before` is the worker, and ready. */
async function again(bench: Bench, before: string | undefined, look?: () => Promise<void>): Promise<void> {
  await bench.fleet.until(
    'another worker',
    async () => {
      await look?.()
      const { MainPID, ActiveState } = await show(bench)
      return MainPID !== before && MainPID !== '0' && ActiveState === 'active'
    },
    600,
  )
}
