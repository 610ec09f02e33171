import { readdir, readFile, readlink } from 'node:fs/promises'
import { childMarks } from '../../worker/media/orphans.ts'

/** A process that a worker started for a job, or what such a one started. */
export interface Tool {
  readonly pid: number
  /** Name of the program. */
  readonly name: string
  readonly command: string
  /** Where it runs: below the folder of the test that started its worker. */
  readonly cwd: string
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
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (state !== '' && state !== 'Z') found.push({ pid: Number(pid), name, command, cwd, state })
  }
  return found
}

/** An ffmpeg that encodes a chunk of a job. */
export interface Encoder extends Tool {
  /** Number of the chunk. */
  readonly chunk: number
}

/** The ffmpegs among them that encode a chunk of this job, without what they are wrapped in. */
export async function encodersOf(workerId: string, jobId: string): Promise<Encoder[]> {
  const tools = (await toolsOf([workerId])).filter(({ name }) => name === 'ffmpeg')
  return tools.flatMap((tool) => {
    const chunk = new RegExp(`${jobId}/chunk-(\\d+)`).exec(tool.command)?.[1]
    return chunk === undefined ? [] : [{ ...tool, chunk: Number(chunk) }]
  })
}

/** Stops each of them from this chunk on where it stands; resolves to those that had not ended before. */
export async function freeze(workerId: string, jobId: string, from = 0): Promise<Encoder[]> {
  const wanted = async () => (await encodersOf(workerId, jobId)).filter(({ chunk }) => chunk >= from)
  for (const { pid } of await wanted()) signal(pid, 'SIGSTOP')
  return (await wanted()).filter(({ state }) => state === 'T')
}

/** Sends a signal; false when there was nobody. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
