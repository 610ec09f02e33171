import { execFile } from 'node:child_process'

/** A program that says what it can, says it at once; a hung one must not hang the doctor. */
const limitMs = 20_000
const outputBytes = 16 * 1024 * 1024

/**
 * What a program prints when it is asked about itself. Only for that: it reads no file of anybody's, so it needs none
 * of what holds ffmpeg in a job (worker/media/run.ts). Rejects with a sentence for people.
 */
export function askProgram(bin: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { signal, timeout: limitMs, maxBuffer: outputBytes, killSignal: 'SIGKILL' as const }
    execFile(bin, [...args], options, (error, stdout) => {
      if (!error) return resolve(stdout)
      const { code, killed } = error as { code?: string | number | null; killed?: boolean }
      const why =
        code === 'ENOENT' ? 'it is not there' : killed ? 'it does not answer' : `it ends with ${code}`
      reject(new Error(`${bin} cannot be run: ${why}`))
    })
  })
}

/** Stopping a worker takes its drain (docs/operations.md), and starting one its boot. */
const commandMs = 600_000

/**
 * Runs a command line that an operator gave (`env pull --on-change`), in a shell and with this process's environment.
 * Resolves with what it said; rejects with a sentence for people.
 */
export function runCommandLine(line: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { signal, timeout: commandMs, maxBuffer: outputBytes, killSignal: 'SIGKILL' as const }
    execFile('/bin/sh', ['-c', line], options, (error, stdout, stderr) => {
      const said = `${stdout}${stderr}`.trim()
      if (!error) return resolve(said)
      const { code, killed } = error as { code?: string | number | null; killed?: boolean }
      const how = killed ? `did not end within ${commandMs / 1000} s` : `ended with ${code}`
      reject(new Error(`\`${line}\` ${how}${said === '' ? '' : `: ${said.slice(-500)}`}`))
    })
  })
}
