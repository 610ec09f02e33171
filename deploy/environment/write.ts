import { WorkerError } from '../../shared/errors.ts'
import type { Parameters, Version } from './parameters.ts'
import { parseEnvironment, type Variables } from './parse.ts'
import { renderEnvironment, type Tier, tierFor } from './render.ts'

/** What is stored at the moment. */
export interface Stored {
  /** 0: there is no such parameter. */
  readonly number: number
  readonly variables: Variables
  /** What could not be read of it, with line numbers. */
  readonly problems: readonly string[]
}

/** The same with what a write must keep. */
export interface Replaceable extends Stored {
  readonly tier: string | undefined
  readonly keyId: string | undefined
}

/**
 * What instances get. One call of GetParameter: whoever only reads needs no right to the history, which holds every secret
 * that ever was. Throws parameter_missing.
 */
export async function readStored(parameters: Parameters, name: string, signal: AbortSignal): Promise<Stored> {
  const { value, number } = await parameters.current(name, signal)
  const { variables, problems } = parseEnvironment(value)
  return { number, variables, problems }
}

/** What a write is to take the place of; of a parameter that is not there an empty one with the number 0. */
export async function readReplaceable(
  parameters: Parameters,
  name: string,
  signal: AbortSignal,
): Promise<Replaceable> {
  const versions = await parameters.history(name, signal)
  const nothing = { number: 0, variables: new Map(), problems: [] }
  if (versions.length === 0) return { ...nothing, tier: undefined, keyId: undefined }
  const { tier, keyId } = versions.at(-1)!
  // The history may be behind; the value itself is what instances get.
  return { ...(await readStored(parameters, name, signal)), tier, keyId }
}

export interface Written {
  readonly number: number
  readonly tier: Tier
  readonly bytes: number
}

/**
 * Writes a new version in place of the one that was read. SSM has no conditional write, so a change by somebody else is
 * looked for twice: before it (nothing is written then), and after it, when the new version's number is not the next one.
 * Throws environment_changed either way, and says which.
 */
export async function writeVersion(
  parameters: Parameters,
  input: {
    readonly name: string
    readonly stored: Replaceable
    readonly variables: Variables
    readonly description: string
    /** For a new parameter. */
    readonly keyId: string | undefined
    readonly signal: AbortSignal
  },
): Promise<Written> {
  const { name, stored, variables, description, signal } = input
  const value = renderEnvironment(variables)
  const tier = tierFor(value, stored.tier)
  const create = stored.number === 0
  if (!create) await needUnchanged(parameters, name, stored.number, signal)
  const keyId = input.keyId ?? stored.keyId
  const number = await parameters.put(name, { value, tier, description, keyId, create }, signal)
  // A put whose answer was lost is sent twice by the SDK: then the version between is ours as well.
  if (number !== stored.number + 1) await needOurs(parameters, { name, stored, number, value, signal })
  return { number, tier, bytes: Buffer.byteLength(value) }
}

/** A question may have stood for minutes between the look and the write. */
async function needUnchanged(
  parameters: Parameters,
  name: string,
  number: number,
  signal: AbortSignal,
): Promise<void> {
  const now = await parameters.current(name, signal)
  if (now.number === number) return
  throw new WorkerError(
    'environment_changed',
    `${name} is at version ${now.number}, and was at ${number} when it was read: nothing was written, look again`,
  )
}

async function needOurs(
  parameters: Parameters,
  input: { name: string; stored: Stored; number: number; value: string; signal: AbortSignal },
): Promise<void> {
  const { name, stored, number, value, signal } = input
  const versions = await parameters.history(name, signal)
  const between = versions.filter((each) => each.number > stored.number && each.number < number)
  const theirs = between.filter((each) => each.value !== value)
  if (between.length === number - stored.number - 1 && theirs.length === 0) return
  throw new WorkerError(
    'environment_changed',
    `${name} was at version ${stored.number} when it was read, and what was written became ${number}: ` +
      `${writers(theirs)} wrote in between, and that is not in ${number}. See env history, and push what is missing again`,
  )
}

function writers(versions: readonly Version[]): string {
  const who = [...new Set(versions.map(({ by }) => by))]
  return who.length === 0 ? 'somebody' : who.join(' and ')
}
