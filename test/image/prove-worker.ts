import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { deadline } from '../../shared/time.ts'
import type { Stack } from '../local/stack.ts'
import { type Container, hardened, startContainer } from './container.ts'
import type { Engine } from './engine.ts'
import { type Proof, until } from './proof.ts'

interface Around {
  readonly engine: Engine
  readonly stack: Stack
  readonly proof: Proof
  readonly work: string
  readonly signal: AbortSignal
}

const run = promisify(execFile)
const picture = (seconds: number, size: string) => [
  ...[
    '-v',
    'error',
    '-nostdin',
    '-y',
    '-f',
    'lavfi',
    '-i',
    `testsrc2=size=${size}:rate=25:duration=${seconds}`,
  ],
  ...[
    '-f',
    'lavfi',
    '-i',
    `sine=frequency=440:duration=${seconds}`,
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
  ],
  ...['-pix_fmt', 'yuv420p', '-c:a', 'aac'],
]

/** The environment of a worker in a container: the image knows its own scratch folder. */
function environment(stack: Stack, port: number): Record<string, string> {
  const { VIDEO_WORKER_TEMP_DIR: _, ...env } = stack.env({
    ...{ HTTP_PORT: String(port), WORKER_ID: 'container', SCRATCH_MIN_FREE_MB: '256', DRAIN_SECONDS: '20' },
  })
  return env
}

/** From the first start to a hung poll, in the order of a container's life. */
export async function proveWorker(image: string, around: Around): Promise<void> {
  const { engine, stack, proof, signal } = around
  const env = environment(stack, 19_090)
  const container = await startContainer(engine, { image, name: 'proof-worker', env })
  try {
    const first = await container.health()
    proof.note('HEALTHCHECK at the start', first.status === 'starting', `${first.status}: ${first.said}`)
    const up = await until(container.health, ({ code }) => code === 0, { seconds: 180, signal })
    proof.note('HEALTHCHECK once it polls', up.status === 'healthy', `${up.status}: ${up.said}`)
    await proveJob(around)
    await proveHardening(container, proof)
    const cli = await container.exec('/app/deploy/image/entrypoint.sh', 'status', '--json')
    const workers = cli.code === 0 ? JSON.parse(cli.out).workers.length : -1
    proof.note('`status --json` inside', workers === 1, `exit code ${cli.code}, ${workers} worker`)

    stack.sqs.faults.failNext(
      { operation: 'ReceiveMessage' },
      { stall: true, times: Number.POSITIVE_INFINITY },
    )
    const began = performance.now()
    const hung = await until(container.health, ({ status }) => status === 'unhealthy', {
      ...{ seconds: 400, everyMs: 15_000, signal },
    })
    const seconds = Math.round((performance.now() - began) / 1000)
    const seen = `${hung.status} after ${seconds} s: ${hung.said}`
    proof.note('HEALTHCHECK when the poll hangs', hung.status === 'unhealthy', seen)
    stack.sqs.faults.clear()
  } catch (error) {
    proof.note('the worker', false, `${(error as Error).message}\n${(await container.logs()).slice(-2_000)}`)
  } finally {
    await container.remove()
  }
}

async function ending(stack: Stack, jobId: string, parent: AbortSignal): Promise<{ kind: string }> {
  using limit = deadline(300_000, parent, () => new Error(`job ${jobId} has no end after 300 s`))
  return await stack.waitFor(jobId, { signal: limit.signal })
}

async function proveJob({ stack, proof, work, signal }: Around, where = ''): Promise<void> {
  const file = join(work, 'clip.mp4')
  await run('ffmpeg', [...picture(6, '640x360'), file], { signal })
  const began = performance.now()
  const fileKey = await stack.upload(file, { tenantId: 7 })
  const jobId = await stack.sendJob({ tenantId: 7, videoId: where ? 3 : 1, fileKey })
  const outcome = await ending(stack, jobId, signal)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const settled = await until(stack.queueCounts, ({ waiting, inFlight }) => waiting + inFlight === 0, {
    ...{ seconds: 20, signal },
  })
  const left = `${settled.waiting + settled.inFlight} messages left`
  const good = outcome.kind === 'complete' && left.startsWith('0')
  proof.note(`a job of 6 s of 360p${where}`, good, `${outcome.kind} in ${seconds} s, ${left}`)
}

async function proveHardening(container: Container, proof: Proof): Promise<void> {
  const ask = async (what: string, script: string, expected: RegExp) => {
    const { out, err } = await container.exec('sh', '-c', script)
    const seen = `${out} ${err}`.trim().replace(/\s+/g, ' ')
    proof.note(what, expected.test(seen), seen)
  }
  await ask('user', 'id', /^uid=1000\(node\) gid=1000\(node\)/)
  await ask('first process', 'cat /proc/1/comm', /^tini$/)
  await ask('capabilities', 'grep CapEff /proc/1/status', /CapEff: 0000000000000000$/)
  await ask('new privileges', 'grep NoNewPrivs /proc/1/status', /NoNewPrivs: 1$/)
  await ask('root folder', 'touch /app/x /x', /Read-only file system/)
  await ask('scratch folder', 'touch /scratch/x && rm /scratch/x && echo writable', /^writable$/)
  await ask(
    'limit of memory',
    'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null',
    /3221225472/,
  )
  await ask('npm in the image', 'command -v npm || echo none', /^none$/)
  await ask('inventory', 'wc -l < sbom/debian.tsv; grep -c \'"purl"\' sbom/npm.cdx.json', /^\d{3} \d{2,3}$/)
}

/** Stopped in the middle of an encode it hands the job back within its time, and another container ends it. */
export async function proveStop(image: string, around: Around): Promise<void> {
  const { engine, stack, proof, work, signal } = around
  const env = { ...environment(stack, 19_091), WORKER_ID: 'container-2', FFMPEG_THREADS: '1' }
  const file = join(work, 'long.mp4')
  await run('ffmpeg', [...picture(60, '640x360'), file], { signal })
  const fileKey = await stack.upload(file, { tenantId: 7 })
  const jobId = await stack.sendJob({ tenantId: 7, videoId: 2, fileKey })
  let container = await startContainer(engine, { image, name: 'proof-stop', env })
  try {
    // A line each: the first looks at a source, which are ffmpeg's too, encode no H.264.
    const list = 'for file in /proc/[0-9]*/cmdline; do tr "\\0" " " < "$file"; echo; done'
    const encoders = async () =>
      (await container.exec('sh', '-c', list)).out
        .split('\n')
        .filter((line) => line.includes('ffmpeg') && line.includes('libx264')).length
    const running = await until(encoders, (count) => count > 0, { seconds: 180, signal })
    proof.note('an encode runs when it is stopped', running > 0, `${running} ffmpeg with libx264`)
    const began = performance.now()
    await container.stop(60)
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    const { ExitCode } = await container.state()
    const counts = await stack.queueCounts()
    const seen = `exit code ${ExitCode} after ${seconds} s, ${counts.waiting} message visible, ${counts.inFlight} held`
    proof.note('`stop` in mid-encode', ExitCode === 0 && counts.waiting === 1 && counts.inFlight === 0, seen)

    await container.remove()
    const other = { ...env, WORKER_ID: 'container-3' }
    container = await startContainer(engine, { image, name: 'proof-go-on', env: other })
    const { kind } = await ending(stack, jobId, signal)
    proof.note('another container gets that job', kind === 'complete', kind)
  } catch (error) {
    proof.note('the stop', false, `${(error as Error).message}\n${(await container.logs()).slice(-2_000)}`)
  } finally {
    await container.remove()
  }
}

/** As deploy/host/run-container.sh starts it on an instance: root, for ffmpeg to be another user; no more than that takes. */
const asRoot = ['SETUID', 'SETGID', 'SETPCAP', 'CHOWN', 'DAC_OVERRIDE', 'KILL']
const sandboxes = [
  { what: 'as on an instance', capabilities: asRoot, parts: 'user privileges limits' },
  {
    what: 'as on an instance, with SYS_ADMIN',
    ...{ capabilities: [...asRoot, 'SYS_ADMIN'], parts: 'processes user privileges limits' },
  },
]

/** SYS_ADMIN alone brings neither `network` nor `files`: docs/image.md says so. How much of ffmpeg's sandbox is in force in a container, by what it may. */
export async function proveSandbox(image: string, around: Around): Promise<void> {
  const { engine, stack, proof, signal } = around
  for (const [index, { what, capabilities, parts }] of sandboxes.entries()) {
    const env = environment(stack, 19_092 + index)
    const options = [...hardened, '--user', '0:0', ...capabilities.flatMap((name) => ['--cap-add', name])]
    const container = await startContainer(engine, { image, name: `proof-root-${index}`, env, options })
    try {
      const line = async () =>
        (await container.logs()).split('\n').find((text) => text.includes('"sandbox":')) ?? '{}'
      const found = await until(line, (text) => text !== '{}', { seconds: 180, signal })
      const { sandbox } = JSON.parse(found)
      const seen: string = sandbox?.parts?.join(' ') ?? ''
      const lacking = JSON.stringify(sandbox?.missing ?? {})
      proof.note(`sandbox of ffmpeg ${what}`, seen === parts, seen === parts ? seen : `${seen} ${lacking}`)
      if (index === 0) await proveJob(around, ` ${what}`)
    } catch (error) {
      proof.note(what, false, `${(error as Error).message}\n${(await container.logs()).slice(-2_000)}`)
    } finally {
      await container.remove()
    }
  }
}

/** A process that takes more than the limit is killed, and the container with it. */
export async function proveMemoryLimit(image: string, { engine, proof, signal }: Around): Promise<void> {
  const grow = 'const held = []; for (;;) held.push(Buffer.alloc(2 ** 24, 1))'
  const options = [...hardened.filter((word) => word !== '--memory' && word !== '3g'), '--memory', '128m']
  const container = await startContainer(engine, {
    ...{ image, name: 'proof-memory', env: {}, args: ['-e', grow] },
    options: [...options, '--memory-swap', '128m', '--entrypoint', '/usr/local/bin/node'],
  })
  try {
    const ended = await until(container.state, ({ Status }) => Status === 'exited', { seconds: 60, signal })
    proof.note('128 MiB and a process that wants more', ended.ExitCode === 137, `exit code ${ended.ExitCode}`)
  } finally {
    await container.remove()
  }
}
