import { type Fields, quoted, Unfit } from './message-fields.ts'
import type { Part } from './messages.ts'

/** The messages that workers send each other: contract.md section 1, "chunk, join: ours, versioned". */
const version = 1
const kinds = ['chunk', 'audio', 'text', 'join'] as const

export function isPartKind(kind: unknown): boolean {
  return kinds.includes(kind as (typeof kinds)[number])
}

/** The body of a part's message, or without a part of a join's. `parent`: the body that started the job, as it was. */
export function partBody(parent: string, part?: Part): string {
  return JSON.stringify({
    kind: part?.type ?? 'join',
    version,
    ...(part ? { index: part.index } : {}),
    parent,
  })
}

/** The reverse of partBody; a join has no part. Throws Unfit. */
export function partFields(fields: Fields): { part: Part | undefined; parent: string } {
  const { kind, index, parent } = fields
  if (fields.version !== version)
    throw new Unfit(`unknown version ${quoted(fields.version)} of a ${quoted(kind)} message`)
  if (typeof parent !== 'string') throw new Unfit('parent is not a message body')
  if (/^\s*\{\s*"kind"\s*:\s*"(chunk|audio|text|join)"/.test(parent)) throw new Unfit('a part of a part')
  if (kind === 'join') return { part: undefined, parent }
  if (!Number.isSafeInteger(index) || Number(index) < 0)
    throw new Unfit(`index is not a part's: ${quoted(index)}`)
  return { part: { type: kind as Part['type'], index: Number(index) }, parent }
}
