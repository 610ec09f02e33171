import type { Config } from '../shared/config.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import { missingIn } from '../shared/tool-needs.ts'
import { detectHost, type ToolHost } from './media/host.ts'
import { runTool } from './media/run.ts'

const listTimeoutMs = 20_000

/** Finds the wrappers of this machine, and asks ffmpeg and ffprobe what they can. Throws config_invalid. */
export async function checkTools(config: Config, path: string, signal: AbortSignal): Promise<ToolHost> {
  const host = await detectHost({ workerId: config.workerId, path })
  const ask = async (name: string, bin: string, ...args: string[]) => {
    try {
      const { stdout } = await runTool({
        ...{ host, what: 'probe', bin, args: ['-hide_banner', ...args], cwd: config.scratch.dir, signal },
        limits: { memoryMb: config.ffmpeg.memoryLimitMb, nice: 0 },
        timeoutMs: listTimeoutMs,
      })
      return stdout
    } catch (error) {
      signal.throwIfAborted()
      throw new WorkerError('config_invalid', `${name} ${bin} cannot be run: ${asWorkerError(error).message}`)
    }
  }
  await ask('FFPROBE_BIN', config.ffmpeg.probeBin, '-version')
  const missing: string[] = []
  let webp = false
  for (const kind of ['encoders', 'muxers', 'filters'] as const) {
    const listed = await ask('FFMPEG_BIN', config.ffmpeg.bin, `-${kind}`)
    webp ||= kind === 'encoders' && listed.split(/\s+/).includes('libwebp')
    missing.push(...missingIn(kind, listed))
  }
  if (missing.length > 0) {
    throw new WorkerError('config_invalid', `FFMPEG_BIN ${config.ffmpeg.bin} lacks ${missing.join(', ')}`)
  }
  return { ...host, webp }
}
