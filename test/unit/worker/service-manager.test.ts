import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createLogger } from '../../../shared/logger.ts'
import { sleep } from '../../../shared/time.ts'
import { openServiceManager, type ServiceManager } from '../../../worker/server/service-manager.ts'

const { signal } = new AbortController()
const well = { apiAuthorized: true, scratchFree: true, bucketWritable: true }
let dir: string
let state = 'running'
let silentMs = 0
let manager: ServiceManager | undefined

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'service-manager-'))
  state = 'running'
  silentMs = 3000
  await answer('exit 0')
})
afterEach(async () => {
  manager?.close()
  // One that is on its way writes into the folder.
  await sleep(200, { signal })
  await rm(dir, { recursive: true, force: true })
})

/** Puts a systemd-notify on the path that writes down what it is told, one message a line. */
async function answer(end: string): Promise<void> {
  const program = join(dir, 'systemd-notify')
  await writeFile(program, `#!/bin/sh\nIFS='|'\necho "$NOTIFY_SOCKET $*" >>${dir}/said\n${end}\n`)
  await chmod(program, 0o755)
}

function open(env: Record<string, string> = {}, lines: string[] = []): ServiceManager {
  const slots = [{ state: 'busy' }, { state: 'idle' }]
  const logger = createLogger(
    { level: 'warn', pretty: false },
    {},
    { write: (line) => void lines.push(line) },
  )
  manager = openServiceManager({
    env: { PATH: `${dir}:/usr/bin:/bin`, NOTIFY_SOCKET: '/run/notify', ...env },
    worker: { status: () => ({ state, ...well, slots }), sinceGoodPollMs: () => silentMs },
    logger,
  })
  return manager
}

const said = async () =>
  (await readFile(join(dir, 'said'), 'utf8').catch(() => '')).split('\n').filter(Boolean)

async function until(done: (lines: string[]) => boolean): Promise<string[]> {
  for (;;) {
    const lines = await said()
    if (done(lines)) return lines
    await sleep(20, { signal })
  }
}

describe('systemd', () => {
  test('hears that the worker is ready, then beats, then that it leaves and how long that may take', async () => {
    const opened = open({ WATCHDOG_USEC: '150000', WATCHDOG_PID: String(process.pid) })
    opened.ready()
    const [first, second] = await until((lines) => lines.length > 1)
    expect(first).toBe('/run/notify READY=1|STATUS=running, 1 of 2 slots at work, last good poll 3 s ago')
    expect(second).toBe('/run/notify WATCHDOG=1|STATUS=running, 1 of 2 slots at work, last good poll 3 s ago')
    state = 'draining'
    opened.stopping('SIGTERM', 90)
    const lines = await until((all) => all.some((line) => line.includes('STOPPING')))
    expect(lines.filter((line) => line.includes('STOPPING'))).toEqual([
      '/run/notify STOPPING=1|EXTEND_TIMEOUT_USEC=105000000|STATUS=draining (SIGTERM)',
    ])
  })

  test('gets no beat of a worker whose polls have ended, though its event loop turns, and again when they are back', async () => {
    silentMs = 90_000
    open({ WATCHDOG_USEC: '150000' }).ready()
    const sick = await until((lines) => lines.length > 2)
    expect(sick.slice(1).join()).toContain('NO good poll for 90 s')
    expect(sick.join()).not.toContain('WATCHDOG=1')
    silentMs = 0
    await until((lines) => lines.some((line) => line.includes('WATCHDOG=1')))
  })

  test('gets no beat where no watchdog is set, or one that is meant for another process', async () => {
    open({ WATCHDOG_USEC: '60000', WATCHDOG_PID: '1' }).ready()
    await until((lines) => lines.length > 0)
    await sleep(150, { signal })
    expect(await said()).toHaveLength(1)
  })

  test('that cannot be told is a warning, and nothing more', async () => {
    await answer('echo "Failed to notify" >&2; exit 1')
    const lines: string[] = []
    open({}, lines).ready()
    while (lines.length === 0) await sleep(20, { signal })
    expect(JSON.parse(lines[0]!)).toMatchObject({
      msg: 'systemd could not be told how the worker is',
      err: { message: 'Failed to notify' },
    })
  })
})

test('without systemd nobody is told anything', async () => {
  const opened = open({ NOTIFY_SOCKET: '', WATCHDOG_USEC: '60000' })
  opened.ready()
  opened.stopping('SIGTERM', 1)
  await sleep(150, { signal })
  expect(await said()).toEqual([])
})
