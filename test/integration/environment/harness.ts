/** The environment tool against a server that speaks Parameter Store's protocol, in a folder of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parameterOf } from '../../../deploy/environment/roles.ts'
import { type CommandOptions, commandLine, type Ended } from '../../local/commands.ts'
import { type SsmServer, startSsmServer } from '../../local/ssm.ts'
import { required } from '../../unit/shared/config-required.ts'

export const { api: apiName, worker: workerName } = parameterOf

export interface Bench {
  readonly ssm: SsmServer
  readonly dir: string
  /** One command line, with these bytes as the file `given` where the line says FILE. */
  run(line: string, given?: string | Uint8Array, options?: CommandOptions): Promise<Ended>
  /** The newest text of a parameter. */
  stored(name?: string): string
  close(): Promise<void>
}

export async function openBench(): Promise<Bench> {
  const ssm = await startSsmServer()
  const dir = await mkdtemp(join(tmpdir(), 'environment-test-'))
  const env = {
    ...{ AWS_REGION: 'ap-northeast-2', AWS_ENDPOINT_URL_SSM: ssm.endpoint },
    ...{ AWS_ACCESS_KEY_ID: 'ann', AWS_SECRET_ACCESS_KEY: 'local' },
  }
  const before = { ...process.env }
  const command = commandLine(env)
  const path = join(dir, 'given')
  return {
    ...{ ssm, dir },
    async run(line, given, options = {}) {
      if (given !== undefined) await writeFile(path, given)
      const words = line.split(' ').map((word) => word.replace('FILE', path).replace('DIR', dir))
      return command(['env', ...words], options)
    },
    stored: (name = workerName) => ssm.store.versions(name).at(-1)?.Value ?? '',
    async close() {
      process.env = before
      await ssm.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** As a .env, with these over the least that a worker needs. */
export function worker(more: Readonly<Record<string, string>> = {}): string {
  return dotenv({ ...required, ...more })
}

export function dotenv(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
