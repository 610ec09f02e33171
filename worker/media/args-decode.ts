import { commonFlags } from './args-source.ts'

/** Decodes the pictures of one of our own files and throws them away: a decoder that finds a fault stops the run. */
export function decodeArgs({ path, threads }: { path: string; threads: number }): string[] {
  return [
    ...commonFlags({ progress: true }),
    ...['-threads', String(threads), '-err_detect', 'explode', '-xerror'],
    // Our own file, made a moment ago.
    ...['-protocol_whitelist', 'file', '-i', path],
    // Each picture once, as it comes: the null muxer would fill gaps.
    ...['-map', '0:v:0', '-fps_mode', 'passthrough', '-f', 'null', '-'],
  ]
}
