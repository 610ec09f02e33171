import { readdir, readFile } from 'node:fs/promises'
import { childMarks } from '../../worker/media/orphans.ts'

/** A process that a worker started for a job, or what such a one started. */
export interface Tool {
  readonly pid: number
  /** Name of the program. */
  readonly name: string
  readonly command: string
  /** One letter, as proc(5) has it: `T` is stopped. */
  readonly state: string
}

/** What runs, or is stopped, of the tools that workers of these names started. A zombie has ended. */
export async function toolsOf(workerIds: readonly string[]): Promise<Tool[]> {
  const marks = workerIds.map((id) => `VIDEO_WORKER_CHILD=${childMarks(id, 0).VIDEO_WORKER_CHILD}`)
  const found: Tool[] = []
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')
    const environment = (await read('environ')).split('\0')
    if (!marks.some((mark) => environment.includes(mark))) continue
    const [, name = '', state = ''] = /\((.*)\) (\S)/s.exec(await read('stat')) ?? []
    const command = (await read('cmdline')).replaceAll('\0', ' ')
    if (state !== '' && state !== 'Z') found.push({ pid: Number(pid), name, command, state })
  }
  return found
}

/** The ffmpegs among them that encode a chunk of this job, without what they are wrapped in. */
export async function encodersOf(workerId: string, jobId: string): Promise<Tool[]> {
  const tools = await toolsOf([workerId])
  return tools.filter(({ name, command }) => name === 'ffmpeg' && command.includes(`${jobId}/chunk-`))
}

/** Stops each where it stands. False when one of them had ended before. */
export async function freeze(workerId: string, jobId: string): Promise<boolean> {
  const encoders = await encodersOf(workerId, jobId)
  for (const { pid } of encoders) signal(pid, 'SIGSTOP')
  const after = await encodersOf(workerId, jobId)
  return after.length > 0 && after.every(({ state }) => state === 'T')
}

/** Sends a signal; false when there was nobody. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
