import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asWorkerError } from '../shared/errors.ts'

/** Where control groups of version 2 are mounted: alone, or beside those of version 1. */
const mounts = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']

export interface Groups {
  /** Folder of the group that ffmpeg goes into; undefined where there is none. */
  readonly ffmpeg: string | undefined
  /** For the log: what came of it. */
  readonly said: string
}

export interface GroupFiles {
  /** Text of /proc/self/cgroup. */
  own(): Promise<string>
  readonly mounts: readonly string[]
  readonly pid: number
}

const machine: GroupFiles = { own: () => readFile('/proc/self/cgroup', 'utf8'), mounts, pid: process.pid }

/**
 * Splits the control group that systemd has delegated to this service (`Delegate=`) in two: the worker in one, all its
 * ffmpegs in the other, which gets `weight` where the worker has 100 when both want the processors. Then a hundred
 * threads of an encoder are one party against the worker, whatever their niceness. All of it stays below the unit, so
 * whatever ends the unit ends them. 0 asks for nothing, and what does not work is said and done without.
 */
export async function openGroups(weight: number, files = machine): Promise<Groups> {
  if (weight === 0) return { ffmpeg: undefined, said: 'not asked for' }
  try {
    const base = await findBase(files)
    const [worker, ffmpeg] = [join(base, 'worker'), join(base, 'ffmpeg')]
    await mkdir(worker, { recursive: true })
    await mkdir(ffmpeg, { recursive: true })
    // A group that hands controllers on may hold no process itself.
    await writeFile(join(worker, 'cgroup.procs'), String(files.pid))
    const weighed = await weigh(base, ffmpeg, weight).catch((error: unknown) => asWorkerError(error).message)
    return { ffmpeg, said: weighed ?? `ffmpeg weighs ${weight} against the worker’s 100` }
  } catch (error) {
    return { ffmpeg: undefined, said: asWorkerError(error).message }
  }
}

async function weigh(base: string, ffmpeg: string, weight: number): Promise<undefined> {
  await writeFile(join(base, 'cgroup.subtree_control'), '+cpu')
  await writeFile(join(ffmpeg, 'cpu.weight'), String(weight))
}

async function findBase({ own, mounts }: GroupFiles): Promise<string> {
  const path = /^0::(.*)$/m.exec(await own())?.[1]
  // The root is nobody's to split, and what a container sees as its root is read-only.
  if (path === undefined || path === '/') throw new Error('this process has no control group of its own')
  for (const mount of mounts) {
    const base = join(mount, path)
    const there = await readFile(join(base, 'cgroup.procs'), 'utf8').catch(() => undefined)
    if (there !== undefined) return base
  }
  throw new Error(`the control group ${path} is not to be found`)
}
