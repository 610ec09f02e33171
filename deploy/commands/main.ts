import { hostname, userInfo } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { CommandError } from './errors.ts'
import { runCommand } from './run.ts'

/** `video-worker …`: docs/commands.md. A second signal ends it at once. */
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new CommandError('interrupted', 'Interrupted.')))
}
// A reader that has enough (`| head`) is no fault.
process.stdout.on('error', () => process.exit(0))

// Asked on standard error, so that standard output holds the result alone.
const canAsk = process.stdin.isTTY && process.stderr.isTTY
process.exit(
  await runCommand(process.argv.slice(2), {
    env: process.env,
    isTerminal: Boolean(process.stdout.isTTY),
    user: `${userName()}@${hostname()}`,
    print: (text) => process.stdout.write(`${text}\n`),
    tell: (text) => process.stderr.write(`${text}\n`),
    ask: canAsk ? ask : undefined,
    signal: stop.signal,
  }),
)

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  lines.once('SIGINT', () => stop.abort(new CommandError('interrupted', 'Interrupted.')))
  try {
    return await lines.question(question, { signal })
  } finally {
    lines.close()
  }
}

/** A container may run under an id that no user has. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'somebody'
  }
}
