import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What lies beside a checkout at the developers', and nowhere else. */
export const sharedFolder = new URL('../../../shared/', import.meta.url).pathname
const checker = join(sharedFolder, 'tools/hlscheck/hlscheck.py')

export const checkerHere = existsSync(checker)

interface Check {
  readonly id: string
  readonly status: string
  readonly problems?: unknown
}

/** What the checker of HLS folders finds wrong with one, compared with its source. */
export async function failuresOf(master: string, source: string): Promise<Check[]> {
  const report = await run('python3', [checker, master, '--source', source, '--json'], {
    maxBuffer: 64 << 20,
  }).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }))
  const { checks } = JSON.parse(report.stdout) as { checks: Check[] }
  if (checks.length <= 30) throw new Error(`the checker made ${checks.length} checks only`)
  return checks.filter((check) => check.status === 'FAIL')
}
