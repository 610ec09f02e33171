/**
 * What every set-up step shares: telling a person what happens, running a program quietly, and stopping with
 * one clear message. Plain JavaScript without dependencies: this runs on the Node that the machine happens to
 * have (20 or later), before anything is installed.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the project. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** EX_UNAVAILABLE of sysexits.h: something that is needed is not there. The worker's own boot checks use it too. */
export const exitUnavailable = 69

/** Set-up cannot go on; `message` is all that is shown, so it says what to do. */
export class SetupError extends Error {}

/** To standard error: standard output belongs to the target (`npm run config > table.md`). */
export function say(line) {
  process.stderr.write(`set-up: ${line}\n`)
}

/** The full path of a program, or undefined. Looks at PATH itself: starting `which` costs more than the look. */
export function findProgram(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      if (statSync(path).isFile()) return path
    } catch {
      // not in this folder
    }
  }
  return undefined
}

/**
 * Runs a program to its end without showing its output; when it fails the output, cut in the middle, becomes
 * the message of the SetupError. Resolves with what it wrote to standard output.
 */
export async function runQuietly(program, args, { env = {}, cwd = root } = {}) {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let standardOutput = ''
  child.stdout.on('data', (data) => {
    output += data
    standardOutput += data
  })
  child.stderr.on('data', (data) => {
    output += data
  })
  const ending = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit code ${code}`)))
  }).catch((error) => error.message)
  if (ending !== undefined) {
    throw new SetupError(`${program} ${args.join(' ')} failed (${ending}).\n${shorten(output)}`)
  }
  return standardOutput
}

/** npm says what is wrong in its first lines, apt-get in its last. */
function shorten(output) {
  const lines = output.trimEnd().split('\n')
  return (lines.length > 30 ? [...lines.slice(0, 15), '…', ...lines.slice(-15)] : lines).join('\n')
}

/** npm as this machine has it. Started through npm we take that very npm: it may not be on PATH. */
export function runNpm(args, options) {
  const cli = process.env.npm_execpath
  if (cli?.endsWith('.js')) return runQuietly(process.execPath, [cli, ...args], options)
  const npm = findProgram('npm')
  if (npm === undefined)
    throw new SetupError('npm is not installed. Install Node.js >= 20 together with npm.')
  return runQuietly(npm, args, options)
}
