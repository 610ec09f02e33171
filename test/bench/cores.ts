/** Processes held to cores, and the CPU time they took: Linux, with taskset from util-linux. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Of the kernel's clock in /proc: 100 on every Linux since 2.6. */
const ticksPerSecond = 100

/** The cores that this process may use; undefined where there is no taskset. */
export function coresHere(): number[] | undefined {
  const asked = spawnSync('taskset', ['-c', '-p', String(process.pid)], { encoding: 'utf8' })
  const list = /: ([\d,-]+)\s*$/.exec(asked.stdout ?? '')?.[1]
  return list?.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

/** Every thread of a process, and what it starts from now on. */
export function holdTo(cores: readonly number[], pid: number): void {
  const done = spawnSync('taskset', ['-a', '-c', '-p', cores.join(','), String(pid)], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`process ${pid} could not be held to its core: ${done.stderr}`)
}

/** Seconds of CPU of a process and of all that it started and that has ended. */
export function allCpuSeconds(pid: number): number {
  const { own, children } = cpuSeconds(pid)
  return own + children
}

/** Seconds of CPU that a process has taken itself, and that those of its children took that have ended. */
export function cpuSeconds(pid: number): { own: number; children: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name stands in parentheses and may hold anything; the counts are fields 14 to 17.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number)
  return { own: (user + system) / ticksPerSecond, children: (childUser + childSystem) / ticksPerSecond }
}
