import { readdir, readFile } from 'node:fs/promises'

/** Environment of every child: who started it, so that a successor can find what a killed worker left behind. */
export function childMarks(workerId: string, parentPid: number): Record<string, string> {
  return { VIDEO_WORKER_CHILD: workerId, VIDEO_WORKER_PARENT: String(parentPid) }
}

/**
 * Kills the process groups of children that carry this worker id and whose worker is gone. Returns how many
 * groups. Children of a living worker of the same name (two on one machine) are left alone.
 * Reads /proc; on other systems there is nothing to find and the answer is 0.
 */
export async function sweepOrphans(workerId: string): Promise<number> {
  const names = await readdir('/proc').catch(() => [])
  let swept = 0
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    const pid = Number(name)
    const marks = await readMarks(pid)
    if (marks?.VIDEO_WORKER_CHILD !== workerId) continue
    const parent = Number(marks.VIDEO_WORKER_PARENT)
    if (await isWorker(parent, pid)) continue
    // By its group, or alone where its group's leader is gone.
    if (killGroup(pid) || send(pid, 'SIGKILL')) swept += 1
  }
  return swept
}

/** SIGKILL to a whole process group. False: nothing of it was left. */
export function killGroup(pgid: number): boolean {
  return send(-pgid, 'SIGKILL')
}

/** A signal to a whole process group. False: nothing of it was left. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): boolean {
  return send(-pgid, signal)
}

function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(target, signal)
    return true
  } catch {
    // ESRCH: no such group or process (any more).
    return false
  }
}

/** Whether `parent` still runs and still is the parent of `child` (process ids are used again). */
async function isWorker(parent: number, child: number): Promise<boolean> {
  const status = await readFile(`/proc/${child}/status`, 'latin1').catch(() => '')
  const actual = /^PPid:\s*(\d+)/m.exec(status)?.[1]
  if (actual === undefined) return true
  if (Number(actual) === parent) return true
  // A child of a child (a wrapper that forked): then its group's leader is the worker’s child.
  const leader = /^\d+ \(.*\) \S \d+ (\d+)/s.exec(
    await readFile(`/proc/${child}/stat`, 'latin1').catch(() => ''),
  )?.[1]
  return leader !== undefined && Number(leader) !== child && isWorker(parent, Number(leader))
}

async function readMarks(pid: number): Promise<Record<string, string> | undefined> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => undefined)
  if (text === undefined || !text.includes('VIDEO_WORKER_CHILD=')) return undefined
  const marks: Record<string, string> = {}
  for (const entry of text.split('\0')) {
    const at = entry.indexOf('=')
    if (at > 0) marks[entry.slice(0, at)] = entry.slice(at + 1)
  }
  return marks
}
