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
