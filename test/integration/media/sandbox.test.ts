import { spawn } from 'node:child_process'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type OpenedSandbox, openSandbox } from '../../../worker/boot-sandbox.ts'
import { readMade, writeBeside } from '../../../worker/job/made-files.ts'
import { detectHost, type ToolHost } from '../../../worker/media/host.ts'
import { sweepOrphans } from '../../../worker/media/orphans.ts'
import { runTool, type ToolRun } from '../../../worker/media/run.ts'
import { scratch } from './tools.ts'

// Each layer by itself, with the layers before it taken away: ffmpeg is told to do what a flaw in it would do.
const secret = 'canary-in-a-file'
const signal = new AbortController().signal
const ffmpeg = {
  ...{
    bin: 'ffmpeg',
    probeBin: 'ffprobe',
    probeTimeoutSeconds: 60,
    memoryLimitMb: 8192,
    threads: 0,
    nice: 0,
  },
  ...{ cpuFactor: 120, cpuWeight: 0, sandbox: 'auto' as const },
}

let folder: Awaited<ReturnType<typeof scratch>>
let bare: ToolHost
let opened: OpenedSandbox
let server: Server
let connections = 0
let port = 0
let job: string
let neighbour: string
/** Not root, or not allowed to make namespaces: only what is in force here can be tested. */
let full = false

beforeAll(async () => {
  folder = await scratch()
  bare = await detectHost({ workerId: 'sandbox-test', path: process.env.PATH ?? '' })
  opened = await openSandbox(bare, { ffmpeg, concurrency: 1 }, folder.dir, signal)
  full = opened.report.level === 'full'
  if (!full) process.stderr.write(`SKIPPED: parts of the sandbox: ${JSON.stringify(opened.report.missing)}\n`)
  job = join(folder.dir, 'job')
  neighbour = join(folder.dir, 'neighbour')
  for (const dir of [job, neighbour]) await mkdir(dir)
  await writeFile(join(neighbour, 'secret.txt'), secret)
  server = createServer((socket) => {
    connections++
    socket.on('error', () => {})
    socket.resume()
    socket.end(`HTTP/1.0 200 OK\r\n\r\n${secret}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as { port: number }).port
})
afterAll(async () => {
  server.close()
  await opened.close()
  await folder[Symbol.asyncDispose]()
})

function run(bin: string, args: string[], changes: Partial<ToolRun> = {}) {
  return runTool({
    ...{ host: opened.host, what: 'video', bin, args, cwd: job, signal, timeoutMs: 60_000 },
    limits: { memoryMb: 4096, nice: 0 },
    ...changes,
  })
}
const shell = (script: string, changes?: Partial<ToolRun>) => run('sh', ['-c', script], changes)

describe('a tool in the sandbox', () => {
  test('is nobody, with no rights and no way to get any', async () => {
    if (!full) return
    expect((await shell('id -u; id -g; id -G')).stdout.split('\n').slice(0, 3)).toEqual([
      '65533',
      '65533',
      '65533',
    ])
    const { stdout } = await run('setpriv', ['--dump'])
    expect(stdout).toMatch(/no_new_privs: 1/)
    expect(stdout).toMatch(/Capability bounding set: \[none\]/)
  })

  test('sees the system’s programs, its own folder and nothing else', async () => {
    if (!full) return
    const hidden = [
      join(neighbour, 'secret.txt'),
      folder.dir,
      '/etc/passwd',
      '/proc/1',
      '/var',
      '/home',
      '/root',
    ]
    const { stdout } = await shell(
      `cat ${hidden[0]} 2>&1; ls -d ${hidden.slice(2).join(' ')} 2>/dev/null; ls ${folder.dir}`,
    )
    expect(stdout).not.toContain(secret)
    expect(stdout.trim().split('\n').slice(1)).toEqual(['job'])
  })

  test('writes to its own folder and nowhere else', async () => {
    if (!full) return
    const script = `for dir in / /usr /etc /dev /tmp ${folder.dir} .; do touch $dir/mark 2>/dev/null && echo $dir; done; true`
    expect((await shell(script)).stdout).toBe('.\n')
    const probing = await shell(`ls ${folder.dir}; touch mark2 2>/dev/null && echo wrote; true`, {
      what: 'probe',
    })
    expect(probing.stdout).toBe('job\n')
  })

  test('can signal nobody', async () => {
    if (!full) return
    const { stdout } = await shell(
      `kill -0 ${process.pid} 2>/dev/null && echo reached; kill -9 -1; echo alive`,
    )
    expect(stdout).toBe('alive\n')
  })
})

describe('ffmpeg that was talked into it', () => {
  const grab = (from: string[]) => [
    '-v',
    'error',
    '-nostdin',
    '-y',
    ...from,
    '-c',
    'copy',
    '-f',
    'data',
    join(job, 'loot'),
  ]

  test('reads no neighbour’s file, although it would outside', async () => {
    const theft = grab(['-f', 'data', '-i', join(neighbour, 'secret.txt'), '-map', '0'])
    await run('ffmpeg', theft, { host: bare })
    expect(await readFile(join(job, 'loot'), 'utf8')).toBe(secret)
    if (!full) return
    await expect(run('ffmpeg', theft)).rejects.toThrow()
    const concat = join(job, 'list.txt')
    await writeFile(concat, `ffconcat version 1.0\nfile '${neighbour}/secret.txt'\n`)
    await expect(
      run('ffmpeg', ['-v', 'error', '-safe', '0', '-i', concat, '-f', 'null', '-']),
    ).rejects.toThrow()
  })

  test('reaches no port of this machine, although it would outside', async () => {
    const knock = ['-v', 'error', '-f', 'data', '-show_data', '-show_packets', `http://127.0.0.1:${port}/`]
    const before = connections
    await run('ffprobe', knock, { host: bare, what: 'probe' })
    expect(connections).toBeGreaterThan(before)
    if (!full) return
    const outside = connections
    await expect(run('ffprobe', knock, { what: 'probe' })).rejects.toThrow()
    expect(connections).toBe(outside)
  })

  test('leaves no link behind that the worker would follow', async () => {
    const link = join(job, 'seg-00000.m4s')
    await symlink(join(neighbour, 'secret.txt'), link)
    await expect(readMade(link)).rejects.toMatchObject({ code: 'ELOOP' })
    await expect(writeBeside(link, Buffer.from('x'))).rejects.toMatchObject({ code: 'ELOOP' })
    await writeFile(join(job, 'plain'), 'x')
    expect(String(await readMade(join(job, 'plain')))).toBe('x')
  })
})

describe('a hungry ffmpeg ends with a code', () => {
  const endless = ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', 'testsrc2=s=640x360']
  const places = [
    ['outside', () => bare],
    ['inside', () => opened.host],
  ] as const

  test.each(places)('%s, when its CPU time is used up', async (_, host) => {
    if (!bare.prlimit) return
    const limits = { memoryMb: 4096, nice: 0, cpuSeconds: 1 }
    const spin = run('ffmpeg', [...endless, '-f', 'null', '-'], { limits, host: host() })
    await expect(spin).rejects.toMatchObject({
      code: 'resource_limit',
      message: expect.stringContaining('1 s of CPU'),
    })
  })

  test.each(places)('%s, when its file grows too large', async (where, host) => {
    if (!bare.prlimit) return
    const limits = { memoryMb: 4096, nice: 0, fileBytes: 200_000 }
    const args = [...endless, '-c:v', 'rawvideo', '-f', 'avi', join(job, `${where}.avi`)]
    await expect(run('ffmpeg', args, { limits, host: host() })).rejects.toMatchObject({
      code: 'resource_limit',
    })
  })

  test('killed by somebody else it has failed, and may be tried again', async () => {
    const limits = { memoryMb: 4096, nice: 0, cpuSeconds: 600 }
    await expect(shell('kill -9 $$', { limits, host: bare })).rejects.toMatchObject({ code: 'encode_failed' })
  })

  test('starts no more processes than it may', async () => {
    if (!full) return
    const { sandbox } = opened.host
    const host = { ...opened.host, sandbox: { ...sandbox, maxProcesses: 8 } }
    const many = shell('for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; echo all', { host })
    await expect(many).rejects.toMatchObject({ kind: 'failed' })
  })
})

describe('is really ended', () => {
  /** Whether a program with this argument still runs, anywhere on the machine. */
  const runs = async (argument: string) => {
    for (const pid of await readdir('/proc')) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')
      if (line === `sleep\0${argument}\0`) return true
    }
    return false
  }
  const until = async (check: () => Promise<boolean>) => {
    for (let tries = 0; tries < 300 && !(await check()); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return check()
  }

  test('by an abort, with all that it started', async () => {
    const stop = new AbortController()
    const ended = shell('sleep 6001.5 & sleep 6001.5', { signal: stop.signal })
    const rejected = expect(ended).rejects.toThrow('stop it')
    expect(await until(() => runs('6001.5'))).toBe(true)
    stop.abort(new Error('stop it'))
    await rejected
    expect(await until(async () => !(await runs('6001.5')))).toBe(true)
  })

  test('with its worker, when that is killed', async () => {
    if (!full) return
    const { sandbox } = opened.host
    // The network lives in this process; the rest is on the disk.
    const host = { ...opened.host, sandbox: { ...sandbox, network: undefined } }
    const script =
      "const {runTool}=await import('./worker/media/run.ts');" +
      `runTool({host:${JSON.stringify(host)},what:'video',bin:'sleep',args:['6002.5'],cwd:${JSON.stringify(job)},` +
      'limits:{memoryMb:0,nice:0},signal:new AbortController().signal})'
    const worker = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '../../..'),
    })
    expect(await until(() => runs('6002.5'))).toBe(true)
    // A living worker’s tools are no orphans, although another process of the sandbox is their parent.
    expect(await sweepOrphans('sandbox-test')).toBe(0)
    worker.kill('SIGKILL')
    expect(await until(async () => !(await runs('6002.5')))).toBe(true)
  })
})

describe('where the system lacks something', () => {
  test('the rest is in force, and it is said what is missing and why', async () => {
    const poor = join(folder.dir, 'bin')
    await mkdir(poor)
    const words = (
      await shell('for name in sh setpriv prlimit nice ffmpeg ffprobe; do command -v $name; done', {
        host: bare,
      })
    ).stdout
    for (const program of words.trim().split('\n'))
      await symlink(program, join(poor, program.split('/').at(-1)!))
    const host = await detectHost({ workerId: 'poor', path: poor })
    const less = await openSandbox(host, { ffmpeg, concurrency: 1 }, join(folder.dir), signal)
    await less.close()
    expect(less.report.level).not.toBe('full')
    expect(Object.keys(less.report.missing)).toEqual(
      expect.arrayContaining(['network', 'processes', 'files']),
    )
    expect(less.report.missing.network).toMatch(/unshare/)
    const required = { ffmpeg: { ...ffmpeg, sandbox: 'required' as const }, concurrency: 1 }
    const refused = openSandbox(host, required, folder.dir, signal)
    await expect(refused).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('network'),
    })
  })

  test('SANDBOX=off leaves the limits', async () => {
    const off = { ffmpeg: { ...ffmpeg, sandbox: 'off' as const }, concurrency: 1 }
    const { report, listener } = await openSandbox(bare, off, folder.dir, signal)
    expect([report.level, listener]).toEqual([bare.prlimit ? 'limits' : 'none', undefined])
  })
})
