import type { ProgressUpdate } from './progress.ts'

export type ToolPurpose = 'probe' | 'video' | 'audio' | 'poster'

export interface ToolLimits {
  /** Address space in MB, 0 = unlimited. */
  readonly memoryMb: number
  readonly nice: number
  readonly cpuSeconds?: number
  /** Largest file the tool may write, in bytes. */
  readonly fileBytes?: number
}

/** What this machine offers to hold a child, found once by detectHost and passed to every run. */
export interface ToolHost {
  readonly workerId: string
  /** Search path for programs given by name. */
  readonly path: string
  readonly setpriv: boolean
  readonly prlimit: boolean
  readonly nice: boolean
}

/** A running tool, for back-pressure. */
export interface ToolHandle {
  readonly pid: number
  pause(): void
  resume(): void
}

/** The one method of pino that is used here. */
export interface DebugLogger {
  debug(fields: Record<string, unknown>, message: string): void
}

export interface ToolRun {
  readonly host: ToolHost
  readonly what: ToolPurpose
  readonly bin: string
  readonly args: readonly string[]
  readonly signal: AbortSignal
  readonly cwd: string
  readonly limits: ToolLimits
  readonly logger?: DebugLogger
  readonly onStart?: (handle: ToolHandle) => void
  /** Given, stdout is read as `-progress` output and not kept. */
  readonly onProgress?: (update: ProgressUpdate) => void
  /** No growth of frames or output time for this long: killed, encode_stalled. Paused time does not count. */
  readonly stallMs?: number
  readonly timeoutMs?: number
}

export interface ToolResult {
  readonly stdout: string
  readonly stderrTail: string
  readonly seconds: number
}

/** Looks once for setpriv, prlimit and nice. */
export declare function detectHost(options: { workerId: string; path: string }): Promise<ToolHost>
/**
 * Runs ffmpeg or ffprobe to its end. Rejects with `signal.reason` on abort (the group is dead by then), with
 * encode_stalled, probe_timeout or stage_timeout, or with what diagnose.ts makes of its exit and stderr.
 */
export declare function runTool(run: ToolRun): Promise<ToolResult>
/** Kills process groups that a dead predecessor with this worker id left behind; how many. */
export declare function sweepOrphans(workerId: string): Promise<number>
