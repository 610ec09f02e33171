/** The results, for people and for programs. */
import type { Expectation } from './manifest.ts'
import type { Measured, Verdict } from './verdict.ts'

export interface Row {
  readonly file: string
  readonly expect: Expectation
  readonly verdict: Verdict
  /** Of a file that was refused or failed. */
  readonly code: string
  /** The sentence that the API was given. */
  readonly reason: string
  readonly seconds: number
  readonly peakMb: number
  /** How many things were looked at. */
  readonly checks: number
  readonly problems: readonly string[]
  readonly right: boolean
  readonly measured: Measured | undefined
}

const widths = { file: 38, verdict: 8, expect: 7, code: 22, seconds: 8, peak: 8 }

export const heading = line('file', 'verdict', 'wanted', 'code', 'seconds', 'peak MB', 'checks')

export function rowLine(row: Row): string {
  const good = row.checks - row.problems.length
  const checks = [`${good}/${row.checks}`, ...row.problems].join('  ')
  return line(
    ...([row.file, row.verdict, row.expect, row.code] as const),
    ...([row.seconds.toFixed(1), row.peakMb.toFixed(0), checks] as const),
  )
}

export function summary(rows: readonly Row[]): string {
  const right = rows.filter((row) => row.right).length
  const most = rows.reduce((peak, row) => Math.max(peak, row.peakMb), 0)
  const longest = rows.reduce((seconds, row) => Math.max(seconds, row.seconds), 0)
  return `${right} of ${rows.length} right; longest ${longest.toFixed(1)} s, most memory ${most.toFixed(0)} MB`
}

function line(
  ...[file, verdict, expect, code, seconds, peak, checks]: [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
): string {
  return [
    file.padEnd(widths.file),
    verdict.padEnd(widths.verdict),
    expect.padEnd(widths.expect),
    code.padEnd(widths.code),
    seconds.padStart(widths.seconds),
    peak.padStart(widths.peak),
    ` ${checks}`,
  ].join(' ')
}
