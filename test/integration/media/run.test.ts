import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { execa } from 'execa'
import { detectHost, type ToolHost } from '../../../worker/media/host.ts'
import { childMarks, sweepOrphans } from '../../../worker/media/orphans.ts'
import { runTool, type ToolHandle, type ToolRun } from '../../../worker/media/run.ts'
import { scratch } from './tools.ts'

const path = process.env.PATH ?? ''
let host: ToolHost

beforeAll(async () => {
  host = await detectHost({ workerId: 'run-test', path })
})

function ffmpeg(args: string[], changes: Partial<ToolRun> = {}) {
  return runTool({
    ...{ host, what: 'video', bin: 'ffmpeg', cwd: tmpdir(), limits: { memoryMb: 4096, nice: 5 } },
    args: ['-hide_banner', '-nostdin', '-v', 'error', '-progress', 'pipe:1', '-stats_period', '0.1', ...args],
    signal: new AbortController().signal,
    onProgress: () => {},
    ...changes,
  })
}

function shell(script: string, changes: Partial<ToolRun> = {}) {
  return runTool({
    ...{
      host,
      what: 'probe',
      bin: 'sh',
      args: ['-c', script],
      cwd: tmpdir(),
      limits: { memoryMb: 0, nice: 0 },
    },
    signal: new AbortController().signal,
    ...changes,
  })
}

const endless = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180', '-f', 'null', '-']

describe('a run that goes well', () => {
  test('reports its progress and its end', async () => {
    const seconds: number[] = []
    const result = await ffmpeg(['-f', 'lavfi', '-i', 'testsrc2=d=5', '-f', 'null', '-'], {
      onProgress: ({ seconds: at }) => seconds.push(at),
    })
    expect(seconds.at(-1)).toBeCloseTo(5, 1)
    expect(result.seconds).toBeGreaterThan(0)
  })

  test('gives its output as text and as bytes', async () => {
    const { stdout, output } = await shell('printf "a\\303\\251"')
    expect([stdout, output.length]).toEqual(['aé', 3])
  })

  test('knows nothing of the worker’s environment', async () => {
    process.env.RUN_TEST_SECRET = 'do not tell'
    const { stdout } = await shell('env')
    delete process.env.RUN_TEST_SECRET
    expect(stdout).not.toContain('RUN_TEST_SECRET')
    expect(stdout).toContain('VIDEO_WORKER_CHILD=run-test')
    expect(stdout.match(/^\w+=/gm)?.length).toBeLessThan(10)
  })
})

describe('a run that is stopped', () => {
  test('by abort ends with the abort’s reason, its whole group dead by then', async () => {
    const controller = new AbortController()
    const reason = new Error('cancelled on request')
    let pid = 0
    const run = shell('sleep 600 & sleep 600 & echo; wait', {
      signal: controller.signal,
      onStart: (handle) => {
        pid = handle.pid
        setTimeout(() => controller.abort(reason), 200)
      },
    })
    await expect(run).rejects.toBe(reason)
    expect(await groupOf(pid)).toEqual([])
  })

  test('in the middle of an encode ends at once', async () => {
    const controller = new AbortController()
    const reason = new Error('draining')
    const run = ffmpeg(endless, {
      signal: controller.signal,
      onProgress: ({ frame }) => frame > 0 && controller.abort(reason),
    })
    await expect(run).rejects.toBe(reason)
  })

  test('before it began does not begin', async () => {
    const reason = new Error('too late')
    await expect(shell('echo', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('while it is paused ends, too', async () => {
    const controller = new AbortController()
    const run = ffmpeg(endless, {
      signal: controller.signal,
      onStart: (handle) => {
        handle.pause()
        setTimeout(() => controller.abort(new Error('stop')), 200)
      },
    })
    await expect(run).rejects.toThrow('stop')
  })
})

describe('limits', () => {
  // One frame in five seconds at real-time speed.
  const slow = ['-re', '-f', 'lavfi', '-i', 'testsrc2=r=1/5', '-f', 'null', '-']

  test('a run without progress is killed as stalled', async () => {
    await expect(ffmpeg(slow, { stallMs: 500 })).rejects.toMatchObject({ code: 'encode_stalled' })
  })

  test('a paused one is not: the silence is our own', async () => {
    let handle: ToolHandle | undefined
    let pausedMs = 0
    // The limit is also what a busy machine has for ffmpeg's start.
    const stallMs = 4000
    const run = ffmpeg(['-re', '-t', '1', '-f', 'lavfi', '-i', 'testsrc2=s=64x64', '-f', 'null', '-'], {
      stallMs,
      onStart: (started) => {
        handle = started
      },
      onProgress: () => {
        if (pausedMs > 0) return
        pausedMs = stallMs + 500
        handle!.pause()
        setTimeout(() => handle!.resume(), pausedMs)
      },
    })
    await expect(run).resolves.toMatchObject({ seconds: expect.any(Number) })
    expect(pausedMs).toBeGreaterThan(stallMs)
  })

  test('a run past its time is killed: of ffprobe, and of others', async () => {
    await expect(shell('sleep 60', { timeoutMs: 200 })).rejects.toMatchObject({ code: 'probe_timeout' })
    await expect(shell('sleep 60', { timeoutMs: 200, what: 'poster' })).rejects.toMatchObject({
      code: 'stage_timeout',
    })
  })

  test('memory: lost pictures are not taken for a success', async () => {
    if (!host.prlimit) return
    await using folder = await scratch()
    const clip = join(folder.dir, 'large.mp4')
    await ffmpeg(['-f', 'lavfi', '-i', 'color=s=3840x2160:d=1', '-preset', 'ultrafast', clip])
    const run = ffmpeg(['-threads', '2', '-i', clip, '-f', 'null', '-'], {
      limits: { memoryMb: 60, nice: 0 },
      timeoutMs: 120_000,
    })
    await expect(run).rejects.toMatchObject({ code: 'resource_limit' })
  })

  test('output size', async () => {
    if (!host.prlimit) return
    await using folder = await scratch()
    const run = shell('exec dd if=/dev/zero of=big bs=64k count=100', {
      cwd: folder.dir,
      limits: { memoryMb: 0, nice: 0, fileBytes: 100_000 },
    })
    await expect(run).rejects.toMatchObject({ code: 'resource_limit' })
  })
})

describe('a run that fails', () => {
  test('without a program: spawn_failed, wrapped or not', async () => {
    const bare = { ...host, setpriv: false, prlimit: false, nice: false }
    for (const where of [host, bare]) {
      const run = shell('', { host: where, bin: '/nowhere/ffprobe' })
      await expect(run).rejects.toMatchObject({ code: 'spawn_failed' })
    }
  })

  test('names the reason and no URL', async () => {
    const run = ffmpeg(['-i', 'http://127.0.0.1:9/secret/source', '-f', 'null', '-'])
    await expect(run).rejects.toMatchObject({ code: 'encode_failed' })
    const error: Error = await run.catch((thrown) => thrown)
    expect(JSON.stringify({ ...error, message: error.message })).not.toMatch(/secret|127\.0\.0\.1/)
  })
})

describe('a worker that was killed', () => {
  test('takes its tools with it', async () => {
    if (!host.setpriv) return
    const script =
      "const {runTool}=await import('./worker/media/run.ts');const {detectHost}=await import('./worker/media/host.ts');" +
      "const host=await detectHost({workerId:'killed',path:process.env.PATH});" +
      "runTool({host,what:'video',bin:'sleep',args:['600'],cwd:'/',limits:{memoryMb:0,nice:0},signal:new AbortController().signal," +
      'onStart:({pid})=>console.log(pid)})'
    const worker = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '../../..'),
    })
    const pid = await new Promise<number>((resolve) =>
      worker.stdout.once('data', (data) => resolve(Number(String(data)))),
    )
    worker.kill('SIGKILL')
    await expect(gone(pid)).resolves.toBe(true)
  })

  test('leaves orphans that its successor sweeps, and only those', async () => {
    const parent = process.pid
    const orphan = spawn('sh', ['-c', 'sleep 600 & echo $!; disown 2>/dev/null; exit 0'], {
      env: { PATH: path, ...childMarks('swept', 1_999_999) },
    })
    const pid = await new Promise<number>((resolve) =>
      orphan.stdout.once('data', (data) => resolve(Number(String(data)))),
    )
    // Until then its shell counts as one of them.
    if (orphan.exitCode === null) await once(orphan, 'exit')
    const mine = spawn('sleep', ['600'], {
      env: { PATH: path, ...childMarks('swept', parent) },
      detached: true,
    })
    const others = spawn('sleep', ['600'], {
      env: { PATH: path, ...childMarks('other', 1_999_999) },
      detached: true,
    })
    try {
      expect(await sweepOrphans('swept')).toBe(1)
      expect(await gone(pid)).toBe(true)
      expect([mine.exitCode, others.exitCode]).toEqual([null, null])
      expect([mine.signalCode, others.signalCode]).toEqual([null, null])
    } finally {
      mine.kill('SIGKILL')
      others.kill('SIGKILL')
    }
  })
})

/** Members of a process group that still run. */
async function groupOf(pgid: number): Promise<string[]> {
  const { stdout } = await execa('ps', ['-eo', 'pid=,pgid=,stat='])
  return stdout.split('\n').filter((line) => {
    const [, group, state] = line.trim().split(/\s+/)
    return group === String(pgid) && !state?.startsWith('Z')
  })
}

/** Whether a process ends within half a minute (a zombie has ended). */
async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 300; tries++) {
    const state = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined)
    if (state === undefined || / Z /.test(state)) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}
