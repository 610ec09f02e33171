import { WorkerError } from './errors.ts'

/** Makes anything safe to log: plain, bounded, without secrets and query strings. Pure; never throws. */

const secretName =
  /token|secret|password|passwd|authorization|cookie|signature|access_?key|api_?key|credential/i
/** An address up to its query (signed URLs keep their secret there) and the login before its host. */
const query = /\b([a-z][a-z0-9+.-]*:\/\/[^\s"'<>?#]*)\?[^\s"'<>]*/gi
const login = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>/@]*@/gi

/** Deeper values and longer lists are cut: a log line is no dump. */
const deepest = 6
const longestList = 100
const longestText = 20_000

export function cleanText(text: string): string {
  const short =
    text.length > longestText ? `${text.slice(0, longestText)}… (${text.length} characters)` : text
  return short.replace(query, '$1?…').replace(login, '$1***@')
}

/** The fields of a log line: errors become plain, secrets by name become '[redacted]', texts are cleaned. */
export function cleanFields(fields: Record<string, unknown>): Record<string, unknown> {
  try {
    return cleanObject(fields, 0, new Set())
  } catch {
    // a getter that throws, a revoked proxy: the line is written without its fields
    return { unloggable: true }
  }
}

function cleanValue(value: unknown, depth: number, above: Set<object>): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (above.has(value)) return '[circular]'
  if (depth >= deepest) return '[deep]'
  const path = new Set(above).add(value)
  if (value instanceof Error) return cleanError(value, depth, path)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof URL) return cleanText(value.href)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Map) return cleanObject(Object.fromEntries(value), depth, path)
  if (value instanceof Set) return cleanList([...value], depth, path)
  if (Array.isArray(value)) return cleanList(value, depth, path)
  return cleanObject(value as Record<string, unknown>, depth, path)
}

function cleanObject(
  fields: Record<string, unknown>,
  depth: number,
  above: Set<object>,
): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    secretName.test(name) && value ? '[redacted]' : cleanValue(value, depth + 1, above),
  ])
  return Object.fromEntries(entries)
}

function cleanList(list: unknown[], depth: number, above: Set<object>): unknown[] {
  const kept = list.slice(0, longestList).map((each) => cleanValue(each, depth + 1, above))
  return list.length > longestList ? [...kept, `… (${list.length} in all)`] : kept
}

/**
 * Only what is known to be harmless of an error: clients hang requests, headers and commands (with passwords) on
 * theirs. `code` and `kind` tell ours apart, `status` and `requestId` are what AWS and R2 ask for.
 */
function cleanError(error: Error, depth: number, above: Set<object>): Record<string, unknown> {
  const other = error as Error & {
    code?: unknown
    $metadata?: { httpStatusCode?: unknown; requestId?: unknown }
  }
  const shown = {
    type: error.name,
    code: typeof other.code === 'string' || typeof other.code === 'number' ? other.code : undefined,
    kind: error instanceof WorkerError ? error.kind : undefined,
    message: error.message,
    details:
      error instanceof WorkerError && Object.keys(error.details).length > 0 ? error.details : undefined,
    status: other.$metadata?.httpStatusCode,
    requestId: other.$metadata?.requestId,
    cause: error.cause,
    errors: error instanceof AggregateError ? error.errors : undefined,
    stack: error.stack,
  }
  return cleanObject(
    Object.fromEntries(Object.entries(shown).filter(([, value]) => value !== undefined)),
    depth,
    above,
  )
}
