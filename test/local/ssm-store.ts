import { now } from '../../shared/time.ts'

/** An answer of SSM that is an error, by its name. */
export class Refusal extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

interface StoredVersion {
  readonly Version: number
  readonly Value: string
  readonly Type: string
  readonly Tier: string
  readonly KeyId: string | undefined
  readonly Description: string | undefined
  readonly LastModifiedUser: string
  /** Seconds since 1970. */
  readonly LastModifiedDate: number
  readonly Labels: string[]
}

type Input = Readonly<Record<string, unknown>>

/**
 * The rules of Parameter Store that the environment tool meets (the SDK's documents of each action): version numbers
 * that grow by one, 100 versions of which the oldest goes unless it has a label, sizes by tier and no way back from
 * Advanced, no overwrite unless asked for, values in ciphertext unless asked for, pages of at most 50.
 */
export interface ParameterStore {
  /** One action. Throws Refusal. */
  act(action: string, input: Input, by: string): unknown
  /** A write of somebody else. Resolves to the version. */
  write(name: string, value: string, by?: string): number
  /** Every version, oldest first. */
  versions(name: string): readonly StoredVersion[]
  clear(): void
}

const limits = { Standard: 4096, Advanced: 8192 } as const
const mostVersions = 100

export function createParameterStore(): ParameterStore {
  const parameters = new Map<string, StoredVersion[]>()

  function need(name: string): StoredVersion[] {
    const versions = parameters.get(name)
    if (!versions) throw new Refusal('ParameterNotFound', `Parameter ${name} not found.`)
    return versions
  }

  function put(input: Input, by: string): unknown {
    const [name, value, overwrite] = [String(input.Name), String(input.Value), input.Overwrite === true]
    if (!/^[\w.\-/]+$/.test(name) || /^\/?(aws|ssm)/i.test(name)) throw invalid('Parameter name is not valid')
    if (value === '') throw invalid("Value at 'value' failed to satisfy constraint: length at least 1")
    if (/\{\{.*\}\}/.test(value)) throw invalid('Parameter value must not contain a reference {{}}')
    const before = parameters.get(name)
    if (before && !overwrite) throw new Refusal('ParameterAlreadyExists', 'The parameter already exists.')
    if (!before && !input.Type) throw invalid('A parameter type is required when you create a parameter.')
    const last = before?.at(-1)
    if (last?.Tier === 'Advanced' && input.Tier === 'Standard')
      throw invalid('This parameter uses the advanced-parameter tier. You can’t downgrade a parameter.')
    const tier = String(input.Tier ?? last?.Tier ?? 'Standard') as keyof typeof limits
    if (Buffer.byteLength(value) > limits[tier])
      throw invalid(
        `${tier} tier parameters support a maximum parameter value of ${limits[tier]} characters.`,
      )
    if (before && before.length >= mostVersions) {
      if (before[0]!.Labels.length > 0)
        throw new Refusal(
          'ParameterMaxVersionLimitExceeded',
          `Version ${before[0]!.Version}, the oldest version, can't be deleted because it has a label associated with it.`,
        )
      before.shift()
    }
    const type = String(input.Type ?? last?.Type)
    const version: StoredVersion = {
      ...{ Version: (last?.Version ?? 0) + 1, Value: value, Type: type, Tier: tier },
      // Without a key it is the account's own, whatever the version before had.
      KeyId: type === 'SecureString' ? String(input.KeyId ?? 'alias/aws/ssm') : undefined,
      Description: input.Description === undefined ? last?.Description : String(input.Description),
      ...{ LastModifiedUser: by, LastModifiedDate: now() / 1000, Labels: [] },
    }
    parameters.set(name, [...(before ?? []), version])
    return { Version: version.Version, Tier: tier }
  }

  const seen = (version: StoredVersion, decrypt: unknown) =>
    version.Type === 'SecureString' && !decrypt ? 'AQICAHg(ciphertext)' : version.Value

  function get(input: Input): unknown {
    const [name = '', selector] = String(input.Name).split(':')
    const versions = need(name)
    const found = versions.find(
      (each) => selector === undefined || String(each.Version) === selector || each.Labels.includes(selector),
    )
    const version = selector === undefined ? versions.at(-1) : found
    if (!version) throw new Refusal('ParameterVersionNotFound', `Version ${selector} of ${name} not found.`)
    const { Labels: _, Description: __, LastModifiedUser: ___, KeyId: ____, Tier: _____, ...rest } = version
    return {
      Parameter: { ...rest, Name: name, Value: seen(version, input.WithDecryption), DataType: 'text' },
    }
  }

  function history(input: Input): unknown {
    const versions = need(String(input.Name))
    const size = Number(input.MaxResults ?? 50)
    if (size < 1 || size > 50) throw invalid("Value at 'maxResults' failed to satisfy constraint: at most 50")
    const from = Number(input.NextToken ?? 0)
    const page = versions.slice(from, from + size)
    const Parameters = page.map((each) => ({
      ...{ ...each, Name: input.Name, Value: seen(each, input.WithDecryption), DataType: 'text' },
    }))
    const more = from + size < versions.length
    return { Parameters, ...(more ? { NextToken: String(from + size) } : {}) }
  }

  function label(input: Input): unknown {
    const versions = need(String(input.Name))
    const number = Number(input.ParameterVersion ?? versions.at(-1)!.Version)
    const version = versions.find((each) => each.Version === number)
    if (!version) throw new Refusal('ParameterVersionNotFound', `Version ${number} not found.`)
    const labels = input.Labels as string[]
    // A label stands at one version: it moves.
    for (const { Labels } of versions)
      for (const each of labels) if (Labels.includes(each)) Labels.splice(Labels.indexOf(each), 1)
    version.Labels.push(...labels)
    return { InvalidLabels: [], ParameterVersion: number }
  }

  return {
    act(action, input, by) {
      if (action === 'PutParameter') return put(input, by)
      if (action === 'GetParameter') return get(input)
      if (action === 'GetParameterHistory') return history(input)
      if (action === 'LabelParameterVersion') return label(input)
      if (action === 'DeleteParameter') {
        need(String(input.Name))
        parameters.delete(String(input.Name))
        return {}
      }
      throw new Refusal('UnknownOperationException', `no ${action} here`)
    },
    write(name, value, by = 'arn:aws:iam::123456789012:user/somebody') {
      const input = { Name: name, Value: value, Type: 'SecureString', Overwrite: true }
      return (put(input, by) as { Version: number }).Version
    },
    versions: (name) => parameters.get(name) ?? [],
    clear: () => parameters.clear(),
  }
}

function invalid(message: string): Refusal {
  return new Refusal('ValidationException', message)
}
