import { WorkerError } from '../../shared/errors.ts'
import type { Variables } from './parse.ts'

/**
 * `dotenv`: what systemd's EnvironmentFile and dotenv read alike. `docker`: `--env-file` takes the rest of the line as it
 * is, quotes included.
 */
export const formats = ['dotenv', 'docker'] as const
export type Format = (typeof formats)[number]

/**
 * What systemd, docker and python-dotenv do not read alike without quotes. Everything else is written bare, so that the
 * text means the same to all of them. (Node's --env-file, which cuts at any `#`, reads none of these files.)
 */
const differs = /^['"`#$]|\\|\s#|^\s|\s$|\$\{/

/** Whether a value must be quoted, which docker's --env-file does not undo. Pure. */
export function needsQuotes(value: string): boolean {
  return differs.test(value)
}

/** One `NAME=value` a line, with a line end behind the last. `parseEnvironment` reads the same back. Pure. */
export function renderEnvironment(variables: Variables, format: Format = 'dotenv'): string {
  const write = format === 'docker' ? (value: string) => value : quote
  return [...variables].map(([name, value]) => `${name}=${write(value)}\n`).join('')
}

/** Single quotes where nothing in them could be an escape to anybody, else double ones with the two escapes that all undo. */
function quote(value: string): string {
  if (!needsQuotes(value)) return value
  return /['\\]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `'${value}'`
}

/** Of a parameter's value in Parameter Store, in bytes. */
export const standardBytes = 4096
export const advancedBytes = 8192

export type Tier = 'Standard' | 'Advanced'

/**
 * The tier that holds the text. An advanced parameter stays one: the way back would be to delete it, with its history.
 * Throws environment_too_large; config_invalid for what Parameter Store takes for a reference. Pure.
 */
export function tierFor(text: string, current: string | undefined): Tier {
  const bytes = Buffer.byteLength(text)
  if (bytes > advancedBytes)
    throw new WorkerError(
      'environment_too_large',
      `The environment has ${bytes} bytes, and a parameter holds ${advancedBytes} at most: move what is large elsewhere`,
      { details: { bytes, limit: advancedBytes } },
    )
  if (/\{\{.*\}\}/.test(text))
    throw new WorkerError(
      'config_invalid',
      'A value holds {{…}}, which Parameter Store takes for a reference and refuses',
    )
  return current === 'Advanced' || bytes > standardBytes ? 'Advanced' : 'Standard'
}
