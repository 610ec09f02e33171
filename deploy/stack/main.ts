import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import { readSettings } from './settings.ts'
import { userDataOf } from './user-data.ts'

/**
 * `npm run synth [-- --settings FILE] [--user-data FILE] [--out FOLDER]`: writes the templates of both stacks, without
 * an account or a network. Prints their paths. Exit codes: 0; 1 a check of cdk-nag failed; 78 the settings are wrong.
 */
const exitConfiguration = 78
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

process.exitCode = await main()

async function main(): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'video-worker-synth-'))
  try {
    const { values } = parseArgs({
      options: {
        settings: { type: 'string', default: here('settings.example.json') },
        'user-data': { type: 'string', default: here('../host/user-data.sh') },
        out: { type: 'string', default: here('out') },
      },
    })
    const settings = readSettings(textOf(values.settings, 'settings'), values.settings)
    const userData = userDataOf(settings, textOf(values['user-data'], 'user data'))
    // The CDK takes a second to load, which nobody need wait for who is told of a mistake.
    const { makeApp } = await import('./app.ts')
    const assembly = makeApp({ settings, userData, folder: scratch }).synth()
    const out = resolve(values.out)
    mkdirSync(out, { recursive: true })
    for (const { template, stackName } of assembly.stacks) {
      const path = join(out, `${stackName}.template.json`)
      // On one line: CloudFormation takes 51,200 bytes from a file, and spaces count.
      writeFileSync(path, JSON.stringify(template))
      process.stdout.write(`${relative(process.cwd(), path)}\n`)
    }
    return 0
  } catch (thrown) {
    const { code, message } = asWorkerError(thrown)
    // The CDK has printed them, and its report is in the folder that goes with us.
    const found = message.startsWith('Validation failed')
    process.stderr.write(found ? 'cdk-nag has findings: see above\n' : `${code}: ${message}\n`)
    return code === 'config_invalid' ? exitConfiguration : 1
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function textOf(path: string, what: string): string {
  if (!existsSync(path))
    throw new WorkerError('config_invalid', `There is no file with the ${what} at ${path}`)
  return readFileSync(path, 'utf8')
}
