import { createHash } from 'node:crypto'

/** A record of another version was written by another release of the worker: it counts as absent. */
const version = 1

export type Versioned<T> = T & { readonly version: number }

/** A record of the ledger as it lies in the bucket: JSON with its version, and a digest of all the rest. */
export function writeRecord<T extends object>(body: T): { record: Versioned<T>; text: string } {
  const record = { ...body, version }
  return { record, text: JSON.stringify({ ...record, digest: digestOf(record) }) }
}

/**
 * Reads a record back. Undefined when it is of another release, or not what was written: what a record says is
 * believed without looking at each of its fields, so nothing that was changed by anybody else may pass.
 */
export function readRecord<T extends object>(text: string): Versioned<T> | undefined {
  const value = parse(text)
  if (typeof value !== 'object' || value === null) return undefined
  const { digest, ...record } = value as Versioned<T> & { digest?: unknown }
  const whole = record.version === version && digest === digestOf(record)
  return whole ? (record as unknown as Versioned<T>) : undefined
}

/** JSON keeps the order of fields: what was read gives the same text as what was written. */
function digestOf(record: object): string {
  return createHash('md5').update(JSON.stringify(record)).digest('hex')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
