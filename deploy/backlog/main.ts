import { parseArgs } from 'node:util'
import { loadBacklogConfig } from '../../shared/config-backlog.ts'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import { every } from '../../shared/time.ts'
import { openPublisher } from './open.ts'
import { publishBacklog } from './publish.ts'

/**
 * The publisher as a plain process: `node deploy/backlog/main.ts [--dry-run] [--every SECONDS]`. Prints one answer as a
 * line of JSON, and each error as a line of its own on standard error. Exit codes: 0; 1 something could not be learned
 * or published; 78 the configuration is wrong. With --every it goes on until SIGTERM or SIGINT.
 */
const exitConfiguration = 78
/** A run that takes longer would meet the next one, in milliseconds. */
const runLimitMs = 50_000

process.exitCode = await main().catch((thrown: unknown) => {
  const error = asWorkerError(thrown)
  process.stderr.write(`${error.code}: ${error.message}\n`)
  return error.code === 'config_invalid' ? exitConfiguration : 1
})
process.exit()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { 'dry-run': { type: 'boolean', default: false }, every: { type: 'string' } },
  })
  const seconds = values.every === undefined ? undefined : Number(values.every)
  if (seconds !== undefined && !(seconds >= 1))
    throw new WorkerError('config_invalid', `--every ${values.every}: seconds, at least 1`)
  const publisher = openPublisher(loadBacklogConfig(process.env))
  const run = async (): Promise<number> => {
    const signal = AbortSignal.timeout(runLimitMs)
    const { answer, errors } = await publishBacklog(publisher, { dryRun: values['dry-run'], signal })
    process.stdout.write(`${JSON.stringify(answer)}\n`)
    for (const { code, message } of errors) process.stderr.write(`${code}: ${message}\n`)
    return errors.length === 0 ? 0 : 1
  }
  try {
    const code = await run()
    if (seconds === undefined) return code
    const stopped = new Promise<void>((resolve) => {
      for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve())
    })
    const timer = every(seconds * 1000, run, {
      onError: (error) => process.stderr.write(`${asWorkerError(error).message}\n`),
    })
    await stopped
    timer.stop()
    return 0
  } finally {
    publisher.close()
  }
}
