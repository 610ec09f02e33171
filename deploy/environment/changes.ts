import { WorkerError } from '../../shared/errors.ts'
import { cleanText } from '../../shared/log-clean.ts'
import type { Variables } from './parse.ts'
import { isPublic } from './roles.ts'

/** What a write does to one variable. Values are as they may be shown: see shown(). */
export interface Change {
  readonly name: string
  readonly kind: 'added' | 'changed' | 'emptied' | 'dropped'
  readonly before: string | null
  readonly after: string | null
}

/** A value for people: whole when the variable is known to be no secret, else only whether there is one. Pure. */
export function shown(name: string, value: string | undefined): string | null {
  if (value === undefined) return null
  if (value === '') return '[empty]'
  return isPublic(name) ? cleanText(value) : '[secret]'
}

/** In the order of the result, what is gone behind it. Pure. */
export function changesBetween(before: Variables, after: Variables): Change[] {
  const names = [...after.keys(), ...[...before.keys()].filter((name) => !after.has(name))]
  return names.flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)]
    if (was === is) return []
    const kind =
      was === undefined ? 'added' : is === undefined ? 'dropped' : is === '' ? 'emptied' : 'changed'
    return [{ name, kind, before: shown(name, was), after: shown(name, is) } as const]
  })
}

export interface MergeOptions {
  /** Names that may go, or be emptied. */
  readonly drop: readonly string[]
  /** The file is the whole: what it lacks is to go. */
  readonly replace?: boolean
}

/**
 * What is stored, with the file's variables over it and without those named by `drop`. Throws environment_drops when a
 * variable would go or lose its value that nobody named; `not_found` names of `drop` are told by the caller. Pure.
 */
export function merge(
  stored: Variables,
  file: Variables,
  { drop, replace = false }: MergeOptions,
): Variables {
  const merged = new Map(replace ? [] : stored)
  // A file in a new order is no change: what is stored keeps its place.
  for (const name of stored.keys()) if (file.has(name)) merged.set(name, file.get(name)!)
  for (const [name, value] of file) merged.set(name, value)
  for (const name of drop) if (!file.has(name) || file.get(name) === '') merged.delete(name)
  needNamed(stored, merged, drop)
  return merged
}

/** Throws environment_drops unless every variable that goes, or loses its value, is named. Pure. */
export function needNamed(before: Variables, after: Variables, drop: readonly string[]): void {
  const lost = changesBetween(before, after)
    .filter(({ kind, before: was }) => kind === 'dropped' || (kind === 'emptied' && was !== '[empty]'))
    .map(({ name }) => name)
  const unnamed = lost.filter((name) => !drop.includes(name))
  if (unnamed.length === 0) return
  throw new WorkerError(
    'environment_drops',
    `${unnamed.length} of ${before.size} stored variables would go. Nothing goes that is not named: --drop ${lost.join(',')}`,
    { details: { names: unnamed } },
  )
}
