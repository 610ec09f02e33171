/** Runs the target under Node 24: in this very process when it is one, else in a child that it stands for. */
import { spawn } from 'node:child_process'
import Module from 'node:module'
import { projectPath } from './packages.mjs'

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

/** Does not come back when a child is needed: this process ends the way the child ends. */
export async function launch(node, target, args) {
  process.env.PATH = projectPath(node)
  if (node === process.execPath) {
    process.argv = [process.execPath, target, ...args]
    // Not import(): the target is to find itself the main module (import.meta.main).
    Module.runMain()
    return
  }
  endLike(await runChild(node, [target, ...args]))
}

/**
 * Runs a program on our own standard streams and hands every signal on. (From a terminal the child also gets
 * Ctrl-C itself; two of them so close together count as one, see test/local/main.ts.)
 * Resolves with `{code, signal}`, one of them null.
 */
export async function runChild(program, args, env = {}) {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  const forward = (signal) => child.kill(signal)
  for (const signal of forwarded) process.on(signal, forward)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => resolve({ code, signal }))
    })
  } finally {
    for (const signal of forwarded) process.off(signal, forward)
  }
}

/** Ends this process with the exit code or by the signal of another, so that a shell sees the same. */
export function endLike({ code, signal }) {
  if (signal === null) process.exit(code ?? 1)
  process.kill(process.pid, signal)
}
