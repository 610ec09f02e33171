import { parseEnv } from 'node:util'
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import type { Env } from '../../shared/config.ts'
import { WorkerError } from '../../shared/errors.ts'
import { awsRefusal, clientOptions } from './aws.ts'

/**
 * The environment of the function with the .env of the SSM parameter ENV_PARAMETER behind it: what the function has of
 * its own wins. A function's variables are shown to whoever may look at it, so no secret is among them. Without
 * ENV_PARAMETER, what was given. Throws parameter_missing, parameter_refused, parameter_unavailable, or
 * config_invalid when it holds nothing.
 */
export async function withParameter(env: Env, signal: AbortSignal): Promise<Env> {
  const name = env.ENV_PARAMETER?.trim()
  if (!name) return env
  const endpoint = env.AWS_ENDPOINT_URL_SSM?.trim() ?? ''
  const client = new SSMClient(clientOptions({ region: env.AWS_REGION?.trim() ?? '', endpoint }))
  try {
    const command = new GetParameterCommand({ Name: name, WithDecryption: true })
    const { Parameter } = await client.send(command, { abortSignal: signal })
    const stored = parseEnv(Parameter?.Value ?? '')
    if (Object.keys(stored).length === 0)
      throw new WorkerError('config_invalid', `Parameter ${name} (ENV_PARAMETER) holds no variable`)
    const own = Object.entries(env).filter(([, value]) => value?.trim())
    return { ...stored, ...Object.fromEntries(own) }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof WorkerError) throw error
    const { refused, words } = awsRefusal(error)
    const missing = (error as Error).name === 'ParameterNotFound'
    const code = missing ? 'parameter_missing' : refused ? 'parameter_refused' : 'parameter_unavailable'
    throw new WorkerError(code, `Parameter ${name} (ENV_PARAMETER) cannot be read: ${words}`)
  } finally {
    client.destroy()
  }
}
