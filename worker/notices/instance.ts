import { readFile } from 'node:fs/promises'
import { retry } from '../../shared/backoff.ts'
import type { Config } from '../../shared/config.ts'
import { asWorkerError } from '../../shared/errors.ts'
import { type Metadata, type MetadataOptions, openMetadata } from '../../shared/metadata.ts'

/**
 * How a starting worker looks for its instance: a few tries of a second each, since a metadata service that just
 * came up may miss one, and a laptop must not wait longer.
 */
const tries = { tries: 3, base: 0.2, cap: 0.5 }

/** Says "Amazon EC2" on instances of the Nitro system, in containers too (EC2 guide, "Detect whether a host is…"). */
const vendorFile = '/sys/class/dmi/id/sys_vendor'

/** The EC2 instance that this process runs on. */
export interface Instance {
  /** `i-…` */
  readonly id: string
  readonly metadata: Metadata
  /** Its Auto Scaling group; undefined when it is in none, or nothing tells the name. */
  readonly group: string | undefined
}

export interface InstanceLook {
  readonly instance?: Instance
  /** For the log: what was found, or why nothing is asked from here on. */
  readonly said: string
  /** Whether an instance was to be expected here, so that its silence is a mistake. */
  readonly expected: boolean
}

/** Looks once; without an answer nothing is asked any more. Throws only the signal's reason. */
export async function findInstance(
  { metadata: { disabled, endpoint }, scaling }: Pick<Config, 'metadata' | 'scaling'>,
  signal: AbortSignal,
  options: { onAnswer?: MetadataOptions['onAnswer']; vendorFile?: string } = {},
): Promise<InstanceLook> {
  if (disabled) return { said: 'AWS_EC2_METADATA_DISABLED is set', expected: false }
  const { onAnswer } = options
  const metadata = openMetadata({ endpoint, ...(onAnswer ? { onAnswer } : {}) })
  try {
    const id = await retry(() => metadata.get('instance-id', signal), { ...tries, signal })
    if (id) {
      const group = scaling.group || (await groupOf(metadata, signal))
      return { instance: { id, metadata, group }, said: `instance ${id}`, expected: true }
    }
    metadata.close()
    return { said: 'the metadata names no instance', expected: true }
  } catch (error) {
    metadata.close()
    signal.throwIfAborted()
    const vendor = await readFile(options.vendorFile ?? vendorFile, 'utf8').catch(() => '')
    const expected = scaling.group !== '' || vendor.includes('Amazon EC2')
    const hint = expected ? '; a container needs a hop limit of 2' : ''
    return { said: `${asWorkerError(error).message}${hint}`, expected }
  }
}

/** From the tag that Auto Scaling gives its instances; readable only where instance tags are allowed in metadata. */
async function groupOf(metadata: Metadata, signal: AbortSignal): Promise<string | undefined> {
  return metadata.get('tags/instance/aws:autoscaling:groupName', signal).catch((error: unknown) => {
    if (signal.aborted) throw error
    return undefined
  })
}
