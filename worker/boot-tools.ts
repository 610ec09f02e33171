import type { Config } from '../shared/config.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import { missingIn } from '../shared/tool-needs.ts'
import { insistently } from './boot-insist.ts'
import { wasKilled } from './media/diagnose.ts'
import { tenBitEncoder } from './media/encoders.ts'
import { detectHost, type ToolHost } from './media/host.ts'
import { runTool } from './media/run.ts'

/** What only some profiles ask for (worker/boot.ts). */
const optional = ['libwebp', 'libx265', 'libsvtav1']

const listTimeoutMs = 20_000

/** Finds the wrappers of this machine, and asks ffmpeg and ffprobe what they can. Throws config_invalid, boot_unavailable. */
export async function checkTools(config: Config, path: string, signal: AbortSignal): Promise<ToolHost> {
  const host = await detectHost({ workerId: config.workerId, path })
  const ask = async (name: string, bin: string, ...args: string[]) => {
    const run = {
      ...{
        host,
        what: 'probe' as const,
        bin,
        args: ['-hide_banner', ...args],
        cwd: config.scratch.dir,
        signal,
      },
      limits: { memoryMb: config.ffmpeg.memoryLimitMb, nice: 0 },
      timeoutMs: listTimeoutMs,
    }
    try {
      return (await insistently(() => runTool(run), signal)).stdout
    } catch (error) {
      signal.throwIfAborted()
      const { code, message } = asWorkerError(error)
      // Killed, or too slow on a busy machine: a restart helps.
      const mayPass = wasKilled(error) || code === 'probe_timeout'
      throw new WorkerError(
        mayPass ? 'boot_unavailable' : 'config_invalid',
        `${name} ${bin} cannot be run: ${message}`,
      )
    }
  }
  await ask('FFPROBE_BIN', config.ffmpeg.probeBin, '-version')
  const missing: string[] = []
  let encoders: string[] = []
  for (const kind of ['encoders', 'muxers', 'filters'] as const) {
    const listed = await ask('FFMPEG_BIN', config.ffmpeg.bin, `-${kind}`)
    if (kind === 'encoders') {
      const words = new Set(listed.split(/\s+/))
      encoders = optional.filter((name) => words.has(name))
    }
    missing.push(...missingIn(kind, listed))
  }
  if (encoders.includes('libx265')) {
    const about = await ask('FFMPEG_BIN', config.ffmpeg.bin, '-h', 'encoder=libx265')
    if (/\byuv420p10le\b/.test(about)) encoders.push(tenBitEncoder)
  }
  if (missing.length > 0) {
    throw new WorkerError('config_invalid', `FFMPEG_BIN ${config.ffmpeg.bin} lacks ${missing.join(', ')}`)
  }
  return { ...host, encoders, webp: encoders.includes('libwebp') }
}
