import { parseArgs } from 'node:util'
import { asWorkerError, WorkerError } from '../../shared/errors.ts'
import type { Ending } from './invocation.ts'
import { close, handler } from './main-lambda.ts'
import { serveRuntimeApi } from './runtime-api.ts'
import { serveLocally } from './runtime-local.ts'

/**
 * What runs in the publisher's image (Dockerfile, target `backlog`). In Lambda it asks the Runtime API for invocations;
 * anywhere else it takes them over HTTP, as AWS's emulator does: `main-runtime.ts [--listen HOST:PORT]`. Each answer is
 * a line on standard output, each failure one on standard error. Exit codes: 0; 1 Lambda's Runtime API does not behave;
 * 78 the configuration is wrong.
 */
const exitConfiguration = 78
/** What the stack gives the function, in milliseconds. */
const localLimitMs = 50_000

const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const)
  process.once(name, () => stop.abort(new WorkerError('drained', `stopped (${name})`)))

process.exitCode = await main().catch((thrown: unknown) => {
  const error = asWorkerError(thrown)
  process.stderr.write(`${error.code}: ${error.message}\n`)
  return error.code === 'config_invalid' ? exitConfiguration : 1
})
close()
process.exit()

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { listen: { type: 'string', default: '127.0.0.1:8080' } } })
  const { signal } = stop
  const address = process.env.AWS_LAMBDA_RUNTIME_API
  if (address) {
    await serveRuntimeApi({ address, handler, signal, onEnd: tell })
    return 0
  }
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(values.listen) ?? []
  if (!host || Number(port) > 65_535)
    throw new WorkerError('config_invalid', `--listen ${values.listen} must be HOST:PORT`)
  const local = await serveLocally({
    ...{ host, port: Number(port), handler },
    ...{ limitMs: localLimitMs, onEnd: tell },
  })
  process.stderr.write(`the publisher is invoked over HTTP at ${host}:${local.port}\n`)
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
  await local.close()
  return 0
}

function tell({ ok, body }: Ending): void {
  process[ok ? 'stdout' : 'stderr'].write(`${body}\n`)
}
