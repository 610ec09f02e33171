/** What a benchmark is given and what it gives back. */
import type { SharedRun } from './fan-out.ts'
import type { FirstSegment } from './first-segment.ts'

export interface Figure {
  value: number
  unit: string
  aim: string
  met: boolean
}
export type Figures = Record<string, Figure>

export interface BenchInput {
  env: NodeJS.ProcessEnv
  /** For everything the benchmark makes. */
  folder: string
  say: (line: string) => void
  signal: AbortSignal
  /** Sources of seconds instead of minutes: to try a benchmark itself. Its figures then mean nothing. */
  small: boolean
  /** Of whatever is left to chance. */
  seed: number
  /** Of `tiny`, where they are not its own. */
  jobs?: number
  workers?: number
  /** Whether tables and plots of docs/ are to be written. */
  docs: boolean
  measured: Measured
}

/** What one benchmark of a run measured by the way and another one of it needs. */
export interface Measured {
  shared?: { one: SharedRun; two: SharedRun }
  firstSegment?: FirstSegment
}

export function atMost(value: number, limit: number, unit: string): Figure {
  return { value: rounded(value), unit, aim: `at most ${limit}`, met: value <= limit }
}

export function atLeast(value: number, limit: number, unit: string): Figure {
  return { value: rounded(value), unit, aim: `at least ${limit}`, met: value >= limit }
}

export function between(value: number, least: number, most: number, unit: string): Figure {
  const met = value >= least && value <= most
  return { value: rounded(value), unit, aim: `${least} to ${most}`, met }
}

/** A number that others are judged by: it has no aim of its own. */
export function toldOnly(value: number, unit: string): Figure {
  return { value: rounded(value), unit, aim: 'none', met: true }
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length % 2 === 1) return sorted[middle]!
  return sorted.length === 0 ? Number.NaN : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Four significant digits after the first: enough for any aim, and no digits of noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(5))
}
