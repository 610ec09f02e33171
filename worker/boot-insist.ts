import { retry } from '../shared/backoff.ts'
import { wasKilled } from './media/diagnose.ts'

/**
 * Runs a tool at boot, and again when somebody killed it, as the kernel does when memory is short: that says nothing
 * about the configuration or the sandbox, and a worker that believed it would never come up (lesson 28). Throws what
 * the last of three tries throws.
 */
export function insistently<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return retry(run, { tries: 3, base: 1, cap: 4, signal, retryIf: wasKilled })
}
