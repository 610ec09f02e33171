import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import type { ToolLimits } from './run.ts'
import { type RunFolder, type Sandbox, sandboxWords } from './sandbox.ts'

/** 0 stands for the writer. A child that cannot join works where it is. */
const joinScript = 'echo 0 2>/dev/null >"$0/cgroup.procs"; exec "$@"'
const oomScore = '/proc/self/oom_score_adj'

/** What this machine offers to hold a child, found once by detectHost and passed to every run. */
export interface ToolHost {
  readonly workerId: string
  /** Search path for programs given by name. */
  readonly path: string
  readonly setpriv: boolean
  readonly prlimit: boolean
  readonly nice: boolean
  /** Whether the kernel can be told to take the child before others when memory ends; not asked for: no. */
  readonly choom?: boolean
  /** Folder of the control group that children go into; absent: into the worker's own. */
  readonly group?: string | undefined
  /** Whether ffmpeg can write WebP; not asked for: no. */
  readonly webp?: boolean
  /** The encoders that ffmpeg has, of those that only some profiles ask for; not asked for: none. */
  readonly encoders?: readonly string[]
  /** What beyond the limits is in force; absent before it was tried, and where nothing works. */
  readonly sandbox?: Sandbox
  /** Told how each run ended: `ok`, or the error's code. */
  onRun?(what: string, result: string): void
}

/** Looks once for setpriv, prlimit, nice and choom on `path` (the PATH of the worker's own environment). */
export async function detectHost({ workerId, path }: { workerId: string; path: string }): Promise<ToolHost> {
  const [setpriv = false, prlimit = false, nice = false, choom = false] = await Promise.all(
    ['setpriv', 'prlimit', 'nice', 'choom'].map((name) => onPath(name, path)),
  )
  return { workerId, path, setpriv, prlimit, nice, choom: choom && (await mayWrite(oomScore)) }
}

/**
 * The command with its wrappers, outermost first. Each replaces itself by the next (exec), so the process keeps
 * one id and leads its own group. folder: all that it sees of the job.
 */
export function wrapCommand(
  host: ToolHost,
  limits: ToolLimits,
  [bin, ...args]: readonly [string, ...string[]],
  folder: RunFolder,
): [string, ...string[]] {
  const words: string[] = []
  // ffmpeg outlives a worker that was killed with -9, unless the kernel is told to end it too (lesson 20).
  if (host.setpriv) words.push('setpriv', '--pdeathsig', 'KILL')
  // When memory ends, the encoder goes: a chunk is repeated, a worker takes all its jobs with it. The highest score,
  // since a lower one than the worker's own may be refused. Before the sandbox, where there is no /proc.
  if (host.choom) words.push('choom', '-n', '1000', '--')
  if (host.group) words.push('sh', '-c', joinScript, host.group)
  if (host.sandbox) words.push(...sandboxWords(host.sandbox, folder))
  if (host.prlimit) {
    words.push('prlimit', '--core=0')
    // data, not address space: thread arenas reserve gigabytes that are never touched.
    if (limits.memoryMb > 0) words.push(`--data=${limits.memoryMb * 1024 * 1024}`)
    if (limits.cpuSeconds !== undefined) words.push(`--cpu=${Math.ceil(limits.cpuSeconds)}`)
    if (limits.fileBytes !== undefined) words.push(`--fsize=${Math.ceil(limits.fileBytes)}`)
    // Counted over all processes of a user: it means something for a user of its own only.
    const { user, maxProcesses = 0 } = host.sandbox ?? {}
    if (user && maxProcesses > 0) words.push(`--nproc=${maxProcesses}`)
  }
  if (host.nice && limits.nice !== 0) words.push('nice', '-n', String(limits.nice))
  return [...words, bin, ...args] as [string, ...string[]]
}

async function mayWrite(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
}

async function onPath(name: string, path: string): Promise<boolean> {
  for (const folder of path.split(':')) {
    try {
      if (folder === '') continue
      await access(join(folder, name), constants.X_OK)
      return true
    } catch {
      // not here; look in the next folder
    }
  }
  return false
}
