import {
  GetParameterCommand,
  GetParameterHistoryCommand,
  type ParameterHistory,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { WorkerError } from '../../shared/errors.ts'
import { type AwsOptions, awsRefusal, clientOptions } from '../backlog/aws.ts'
import type { Tier } from './render.ts'

/** One version of a parameter, decrypted. */
export interface Version {
  readonly number: number
  readonly value: string
  /** ISO 8601. */
  readonly at: string
  /** ARN of whoever wrote it. */
  readonly by: string
  readonly tier: string
  /** Key of KMS; undefined where AWS says none. */
  readonly keyId: string | undefined
  readonly description: string
  readonly labels: readonly string[]
}

export interface Write {
  readonly value: string
  readonly tier: Tier
  readonly description: string
  /** Kept as it is when the parameter has one: without it a write would go back to the account's own key. */
  readonly keyId: string | undefined
  /** Whether the parameter is to be made, and not there yet. */
  readonly create: boolean
}

/**
 * Parameter Store, as far as whole environments need it. Throws parameter_missing, parameter_refused (rights, key,
 * name), parameter_unavailable; put, of a parameter that somebody else made meanwhile, environment_changed. No error
 * holds a value.
 */
export interface Parameters {
  /** Value and number of the newest version. */
  current(name: string, signal: AbortSignal): Promise<{ value: string; number: number }>
  /** Every version that is kept (100 at most), oldest first. Empty when there is no such parameter. */
  history(name: string, signal: AbortSignal): Promise<Version[]>
  /** The number of the new version. */
  put(name: string, write: Write, signal: AbortSignal): Promise<number>
  close(): void
}

/** The most that SSM gives in one page. */
const pageSize = 50

export function openParameters(options: AwsOptions): Parameters {
  const client = new SSMClient(clientOptions(options))

  async function call<T>(name: string, what: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      signal.throwIfAborted()
      throw parameterError(name, what, error)
    }
  }

  return {
    async current(name, signal) {
      const command = new GetParameterCommand({ Name: name, WithDecryption: true })
      const { Parameter } = await call(name, 'read', signal, () =>
        client.send(command, { abortSignal: signal }),
      )
      return { value: Parameter?.Value ?? '', number: Parameter?.Version ?? 0 }
    },

    async history(name, signal) {
      const versions: Version[] = []
      let NextToken: string | undefined
      do {
        const input = { Name: name, WithDecryption: true, MaxResults: pageSize }
        const command = new GetParameterHistoryCommand(
          NextToken === undefined ? input : { ...input, NextToken },
        )
        const page = await call(name, 'read the history of', signal, () =>
          client.send(command, { abortSignal: signal }),
        ).catch((error: unknown) => {
          if (error instanceof WorkerError && error.code === 'parameter_missing') return undefined
          throw error
        })
        versions.push(...(page?.Parameters ?? []).map(versionOf))
        NextToken = page?.NextToken
      } while (NextToken)
      return versions.toSorted((a, b) => a.number - b.number)
    },

    async put(name, { value, tier, description, keyId, create }, signal) {
      const command = new PutParameterCommand({
        ...{ Name: name, Value: value, Type: 'SecureString', Tier: tier, Description: description },
        ...{ Overwrite: !create, ...(keyId === undefined ? {} : { KeyId: keyId }) },
      })
      const answer = await call(name, 'write', signal, () => client.send(command, { abortSignal: signal }))
      return answer.Version ?? 0
    },

    close: () => client.destroy(),
  }
}

function versionOf(from: ParameterHistory): Version {
  return {
    ...{ number: from.Version ?? 0, value: from.Value ?? '', by: from.LastModifiedUser ?? 'nobody knows' },
    ...{ at: from.LastModifiedDate?.toISOString() ?? '', tier: from.Tier ?? 'Standard' },
    ...{ keyId: from.KeyId, description: from.Description ?? '', labels: from.Labels ?? [] },
  }
}

export function noParameter(name: string): WorkerError {
  return new WorkerError('parameter_missing', `There is no parameter ${name} in this region and account`)
}

function parameterError(name: string, what: string, error: unknown): WorkerError {
  const { name: kind = '' } = (error ?? {}) as { name?: string }
  const { refused, words } = awsRefusal(error)
  if (kind === 'ParameterNotFound') return noParameter(name)
  if (kind === 'ParameterAlreadyExists')
    return new WorkerError('environment_changed', `Somebody else made ${name} meanwhile: look at it first`)
  // No throttle, for all its name: no wait helps.
  const isFull = kind === 'ParameterMaxVersionLimitExceeded'
  const hint = isFull ? ' (a label keeps its oldest version: move it, and more can be written)' : ''
  return new WorkerError(
    refused || isFull ? 'parameter_refused' : 'parameter_unavailable',
    `Parameter Store did not ${what} ${name}: ${words}${hint}`,
  )
}
