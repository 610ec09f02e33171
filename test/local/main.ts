/** `npm run local`: the environment, the signals and the exit code; the story is in session.ts. */
import { parseOptions, usage } from './options.ts'
import { runLocal } from './session.ts'

/** Shells say 128 + 2 for Ctrl-C. */
const interrupted = 130
/**
 * One Ctrl-C arrives up to three times: from the terminal, from npm and from the set-up, which both hand it on.
 * A person who presses it again takes longer than this, and means it.
 */
const sameSignalMs = 1_000

const stop = new AbortController()
let firstMs = 0
const onSignal = () => {
  if (!stop.signal.aborted) {
    firstMs = performance.now()
    stop.abort(new Error('stopped'))
  } else if (performance.now() - firstMs > sameSignalMs) {
    process.exit(interrupted)
  }
}
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
// The reader of our output (`| head`) went away: nobody is there to be told.
process.stdout.on('error', onSignal)

try {
  const options = parseOptions(process.argv.slice(2))
  // npm runs its scripts in the project's folder and tells where it was called.
  const cwd = process.env.npm_lifecycle_event === 'local' ? process.env.INIT_CWD : undefined
  const surroundings = {
    env: process.env,
    cwd: cwd ?? process.cwd(),
    output: process.stdout,
    signal: stop.signal,
  }
  if (options === 'help') process.stdout.write(usage)
  else process.exitCode = await runLocal(options, surroundings)
} catch (error) {
  if (stop.signal.aborted) process.exitCode = interrupted
  else {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  }
}
