/**
 * A whole system with systemd as its first process, for proofs: this machine's own files under a layer that is thrown
 * away, booted by systemd-nspawn into a target of its own, so that none of the machine's services starts a second time.
 * It shares the network, so that what listens on loopback here is heard in there. Needs root.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cp, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sleep } from '../../shared/time.ts'

const project = join(import.meta.dirname, '../..')
/** The product as it lies on an instance. */
const parts = ['worker', 'shared', 'deploy', 'docs', 'package.json', 'ecosystem.config.cjs']

export interface System {
  /** Runs a program in there; resolves to its standard output, trimmed; rejects when it fails or the boot's signal aborts. */
  run(program: string, ...args: string[]): Promise<string>
  /** Where a path of the system is, from out here. */
  path(inside: string): string
  close(): Promise<void>
}

interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  /** None: what is put back is put back whatever happened. */
  readonly signal?: AbortSignal
}

/** Runs a program of this machine; resolves to its standard output, trimmed. */
export async function run([program = '', ...args]: readonly string[], options: RunOptions = {}) {
  return (await promisify(execFile)(program, args, { maxBuffer: 64 * 1024 * 1024, ...options })).stdout.trim()
}

/**
 * dir: a folder of the caller's; everything in it goes at the end. A bare system has no product yet. The signal cuts off
 * its boot and what runs in there; to close it is the caller's work, as ever.
 */
export async function bootSystem(dir: string, signal: AbortSignal, { bare = false } = {}): Promise<System> {
  signal.throwIfAborted()
  const [top, root] = [join(dir, 'top'), join(dir, 'top/root')]
  const undo: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step().catch(() => undefined)
  }
  try {
    await mkdir(top, { recursive: true })
    // In memory: a layer on the machine's own disk would lie inside of what it covers.
    await run(['mount', '-t', 'tmpfs', '-o', 'size=2g', 'video-worker-proof', top])
    undo.push(() => run(['umount', '-l', top]))
    for (const name of ['upper', 'work', 'root']) await mkdir(join(top, name))
    const layers = `lowerdir=/,upperdir=${top}/upper,workdir=${top}/work`
    await run(['mount', '-t', 'overlay', '-o', layers, 'video-worker-proof', root])
    undo.push(() => run(['umount', '-l', root]))
    await layTarget(root)
    const modules = await realpath(join(project, 'node_modules'))
    if (!bare) await layProduct(root)
    const machine = spawn(
      'systemd-nspawn',
      [
        ...[
          '-q',
          '-D',
          root,
          '--register=no',
          '--keep-unit',
          '--console=pipe',
          '--link-journal=no',
          '--machine=video-worker-proof',
        ],
        // For loopback in the network of ffmpeg.
        '--capability=CAP_NET_ADMIN',
        ...(bare ? [] : [`--bind-ro=${modules}:/opt/video-worker/node_modules`]),
        ...['-b', 'systemd.unit=proof.target'],
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    undo.push(() => powerOff(machine))
    const leader = await firstProcess(machine, signal)
    const inside = ['-t', leader, '-m', '-u', '-i', '-p', '--']
    const system: System = {
      run: (program, ...args) => run(['nsenter', ...inside, program, ...args], { signal }),
      path: (path) => join(root, path),
      close,
    }
    await up(system, signal)
    return system
  } catch (error) {
    await close()
    throw error
  }
}

async function layTarget(root: string): Promise<void> {
  const target = '[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\nAllowIsolate=yes\n'
  await writeFile(join(root, 'etc/systemd/system/proof.target'), target)
  await writeFile(join(root, 'etc/fstab'), '')
}

async function layProduct(root: string): Promise<void> {
  const app = join(root, 'opt/video-worker')
  await mkdir(join(app, 'bin'), { recursive: true })
  await mkdir(join(app, 'node_modules'))
  for (const part of parts) await cp(join(project, part), join(app, part), { recursive: true })
  await cp(process.execPath, join(app, 'bin/node'))
}

/** systemd in there: the only child of systemd-nspawn that stays. */
async function firstProcess(machine: ChildProcess, signal: AbortSignal): Promise<string> {
  for (;;) {
    if (machine.exitCode !== null) throw new Error(`systemd-nspawn ended with ${machine.exitCode}`)
    const children = await readFile(`/proc/${machine.pid}/task/${machine.pid}/children`, 'utf8')
    for (const pid of children.trim().split(' ').filter(Boolean)) {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
      if (name.trim() === 'systemd') return pid
    }
    await sleep(200, { signal })
  }
}

async function up(system: System, signal: AbortSignal): Promise<void> {
  for (;;) {
    const state = await system.run('systemctl', 'is-active', 'proof.target').catch(() => '')
    if (state === 'active') return
    await sleep(500, { signal })
  }
}

async function powerOff(machine: ChildProcess): Promise<void> {
  if (machine.exitCode !== null || machine.signalCode !== null) return
  const gone = new Promise<void>((resolve) => machine.once('exit', () => resolve()))
  // nspawn tells its systemd to halt.
  machine.kill('SIGTERM')
  const halted = new AbortController()
  const late = sleep(30_000, { signal: halted.signal }).catch(() => undefined)
  await Promise.race([gone, late])
  halted.abort()
  machine.kill('SIGKILL')
  await gone
}

export async function removeFolder(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
}
