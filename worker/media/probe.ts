import type { SourceFacts, SourceLimits } from './facts.ts'
import type { DebugLogger, ToolHost } from './run.ts'

export interface ProbeRequest {
  /** Loopback URL of the source. */
  readonly url: string
  readonly bytes: number
  /** First 64 KiB of the source (or all of it, if shorter). */
  readonly head: Buffer
  readonly host: ToolHost
  readonly tools: {
    readonly probeBin: string
    readonly timeoutSeconds: number
    readonly memoryMb: number
    readonly nice: number
  }
  readonly limits: SourceLimits
  readonly cwd: string
  readonly signal: AbortSignal
  readonly logger?: DebugLogger
}

/** Looks at a source and decides whether it can be packaged. Throws WorkerErrors of kind rejected with a sentence. */
export declare function probeSource(request: ProbeRequest): Promise<SourceFacts>
