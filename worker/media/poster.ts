import type { ToolSource } from './args.ts'
import type { DebugLogger, ToolHost, ToolLimits } from './run.ts'

export interface PosterRequest extends ToolSource {
  readonly bin: string
  readonly host: ToolHost
  readonly limits: ToolLimits
  readonly signal: AbortSignal
  readonly cwd: string
  /** Where the JPEG goes. */
  readonly path: string
  /** Try this position first (the catalogue wants 5 s); else positions spread over the video. */
  readonly preferSeconds?: number
  readonly timeoutMs: number
  readonly logger?: DebugLogger
}

export interface Poster {
  readonly path: string
  readonly atSeconds: number
  /** False when every picture tried was black or flat. */
  readonly lively: boolean
}

/** Writes a JPEG of at most 1280 pixels width that shows something, if the video does. */
export declare function makePoster(request: PosterRequest): Promise<Poster>
