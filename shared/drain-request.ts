/**
 * An operator's request that a worker drains: the value of the keys drainRequest(workerId) and drainAllRequest
 * (shared/keys.ts), written by the command `drain` and looked at by every worker every few seconds.
 */
export interface DrainRequest {
  /** ISO 8601. A worker that started later was not meant: a host may restart what was drained. */
  readonly requested_at: string
  /** Who asked, for the log. */
  readonly by: string
}

/** How long a request stands, in seconds: longer than any worker is away from Redis, shorter than it is forgotten. */
export const drainRequestSeconds = 900

/** The value to set, with drainRequestSeconds as its time to live. atMs: milliseconds since 1970. */
export function writeDrainRequest(by: string, atMs: number): string {
  const request: DrainRequest = { requested_at: new Date(atMs).toISOString(), by }
  return JSON.stringify(request)
}

/** The request in a key's value; undefined when it is none that can be understood. */
export function readDrainRequest(value: string): DrainRequest | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(value)
  } catch {
    return undefined
  }
  const { requested_at, by } = (parsed ?? {}) as Record<string, unknown>
  if (typeof requested_at !== 'string' || Number.isNaN(Date.parse(requested_at))) return undefined
  return { requested_at, by: typeof by === 'string' ? by.slice(0, 200) : 'somebody' }
}
