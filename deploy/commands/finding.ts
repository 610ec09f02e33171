import { alignRows } from './format.ts'

/** One line of `doctor`. */
export interface Finding {
  readonly area: string
  readonly what: string
  /** warn: a worker runs, and something will hurt one day. fail: it does not run, or loses or refuses work. */
  readonly level: 'ok' | 'warn' | 'fail'
  /** What was found, with numbers. */
  readonly found: string
  /** What to do; '' when all is well. */
  readonly todo: string
}

/** Collects the findings of one area. */
export interface Notes {
  readonly findings: readonly Finding[]
  ok(what: string, found: string): void
  warn(what: string, found: string, todo: string): void
  fail(what: string, found: string, todo: string): void
}

export function takeNotes(area: string): Notes {
  const findings: Finding[] = []
  const note = (level: Finding['level']) => (what: string, found: string, todo: string) =>
    findings.push({ area, what, level, found, todo })
  return {
    findings,
    ok: (what, found) => note('ok')(what, found, ''),
    warn: note('warn'),
    fail: note('fail'),
  }
}

/** For people: a line each, what to do below it. Pure. */
export function findingLines(findings: readonly Finding[]): string[] {
  const rows = alignRows(findings.map(({ level, area, what, found }) => [level.padEnd(4), area, what, found]))
  const lines = rows.flatMap((row, at) => {
    const { todo } = findings[at]!
    return todo === '' ? [row] : [row, `      → ${todo}`]
  })
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length
  return [...lines, '', `${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail`]
}
