import type { ApiAnswer } from './api-client.ts'
import { WorkerError } from './errors.ts'

/** The video (or content) was deleted meanwhile. */
export function isGone({ status }: ApiAnswer): boolean {
  return status === 404 || status === 410
}

/** Anything but a 2xx is final by now; the answer's own words help whoever reads the log. */
export function expectSuccess(name: string, { status, text }: ApiAnswer): void {
  if (status >= 200 && status < 300) return
  const words = text.replace(/\s+/g, ' ').slice(0, 200)
  throw new WorkerError('api_refused', `The API refused ${name} with status ${status}: ${words}`, {
    details: { call: name, status },
  })
}

/** The answer's object; empty when it is none. */
export function readJson({ text }: ApiAnswer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
